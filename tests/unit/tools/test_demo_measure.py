"""The moment from which answers prove that a version is bad, by made-up answers."""

import pytest

from dev.demo.seen.incidents import Span
from dev.demo.seen.measure import enough_evidence, times
from dev.demo.seen.traffic import Answer

ANALYSIS = {"errorRate": {"max": 0.05}, "minSamples": 30, "window": "20s"}
SPAN = Span(0.0, 100.0)


def answers(pattern: str) -> list[Answer]:
    """Ten a second; x is an error."""
    return [
        Answer(
            sent=number / 10,
            done=number / 10,
            status=500 if letter == "x" else 200,
            revision="bad",
            problem="prediction_failed" if letter == "x" else "",
            by_server=True,
        )
        for number, letter in enumerate(pattern)
    ]


@pytest.mark.parametrize(
    ("pattern", "since"),
    [
        (100 * ".", None),
        ("....x" + 40 * ".", None),  # one error proves nothing
        ("xxx", 0.1),  # two of two
        # Two of three, then gone, then 5 of 30, which chance may do, then 6 of 31.
        ("x.x" + 23 * "." + "x.xx" + "x", 3.0),
        ("xx" + 98 * ".", 0.1),  # and never again
    ],
)
def test_enough_evidence(pattern: str, since: float | None) -> None:
    found = enough_evidence(answers(pattern), "bad", [SPAN], ANALYSIS)
    assert found == pytest.approx(since) if since is not None else found is None


def test_what_comes_after_weight_0_proves_nothing() -> None:
    found = times(answers(30 * "x"), "bad", [Span(0.0, 2.0)], ANALYSIS)
    assert found["fromEnoughEvidence"] == pytest.approx(1.9)
