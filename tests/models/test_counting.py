"""One is said as one, wherever a store or a server tells a number."""

import pytest

from transit_models.counting import counted, noun


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 classes"), (1, "1 class"), (2, "2 classes"), (21, "21 classes")]
)
def test_counted(number: int, text: str) -> None:
    assert counted(number, "class", "classes") == text


@pytest.mark.parametrize(("rate", "text"), [(0.5, "rows"), (1.0, "row"), (10.0, "rows")])
def test_a_rate_has_a_noun_too(rate: float, text: str) -> None:
    assert noun(rate, "row") == text
