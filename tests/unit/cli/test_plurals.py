"""One is one: `1 failure`, `1 request`, wherever people read a number."""

import pytest

from tests.unit.scenes import R2, rolling
from transit_cli.rollout.explaining.words import explain
from transit_cli.rollout.status.signals import counted

ANALYSIS = {"minSamples": 20, "errorRate": {"max": 0.05}}


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 labels"), (1, "1 label"), (1.4, "1 label"), (2, "2 labels")]
)
def test_counted(number: float, text: str) -> None:
    assert counted(number, "label") == text


def evidence(signal: str, **values: object) -> dict[str, object]:
    return {"signal": signal, "verdict": "Fail", "threshold": 0.05, "window": 300, **values}


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        (evidence("errorRate", value=0.1, samples=20), "at most 1 failure in 20"),
        (evidence("errorRate", value=0.1, samples=20, baseline=0.0), "at most 1 failure in 20"),
        (evidence("errorRate", value=0.5, samples=10), "at most 0 failures in 10"),
    ],
)
def test_what_would_have_passed(given: dict[str, object], passes: str) -> None:
    assert explain(given, ANALYSIS).passes.startswith(passes)


def test_traffic_that_hardly_arrives() -> None:
    given = evidence("traffic", value=1, baseline=40)
    assert explain(given, ANALYSIS).number == "1 request arrived in 5m, where about 40 should have"


def test_one_restart_in_the_operators_words() -> None:
    world = rolling(50)
    world.crash(R2)
    world.run(15)
    said = [one.message for one in world.status.signals if one.signal == "health"]
    assert "1 restart, 1 evaluation in a row (limit 3)" in said[0]
