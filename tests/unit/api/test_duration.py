"""Durations as users write them, and as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_operator.api.duration import human, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30),
        ("15m", 900),
        ("24h", 86_400),
        ("1h30m", 5_400),
        ("1h1m1s1ms", 3_661.001),
        ("250ms", 0.25),
        ("1.5h", 5_400),
        ("0s", 0),
    ],
)
def test_seconds(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "1d", "1 h", "-1s", "1h ", "1h\n", "1.h", ".5h", "1µs", "1H"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 30s"):
        seconds(text)


@pytest.mark.parametrize(
    ("total", "text"),
    [(0, "0s"), (45, "45s"), (60, "1m"), (3_900, "1h5m"), (86_400, "24h"), (3_601.4, "1h1s")],
)
def test_human(total: float, text: str) -> None:
    assert human(total) == text


@given(st.integers(0, 10**7))
def test_what_people_read_can_be_written(total: int) -> None:
    assert seconds(human(total)) == total
