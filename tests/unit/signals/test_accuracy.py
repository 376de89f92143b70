"""Accuracy by feedback: only where a spec asks for it, against the stable, with enough labels."""

from typing import Any

import pytest

from tests.unit.measured import labelled as feedback
from tests.unit.measured import measured, with_only
from tests.unit.scenes import (
    R1,
    against,
    candidate,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    stable,
)
from tests.unit.world import good, spec
from transit_operator.api.status import Verdict
from transit_operator.core.observed import Problem, Readings, RevisionReadings
from transit_operator.core.signals.evidence import Input
from transit_operator.core.signals.registry import judge, queries
from transit_operator.core.signals.samples.query import FEEDBACK

JUDGED: dict[str, Any] = rollout(analysis={"accuracy": {"maxDrop": 0.05}})
NOW = 1_000_000_000.0


def labelled(correct: float, wrong: float) -> RevisionReadings:
    """Readings of a revision that does well otherwise."""
    return with_only(good(), measured(feedback(correct, wrong)))


NINETY = labelled(900, 100)


@pytest.mark.parametrize(
    ("mine", "base", "verdict", "words"),
    [
        pytest.param(labelled(851, 149), NINETY, Verdict.PASS, "85.1% of 1000", id="just within"),
        pytest.param(labelled(850, 150), NINETY, Verdict.PASS, "85.0%", id="exactly the limit"),
        pytest.param(labelled(849, 151), NINETY, Verdict.FAIL, "5.1% lower", id="just below"),
        pytest.param(labelled(950, 50), NINETY, Verdict.PASS, "95.0%", id="better"),
        pytest.param(labelled(2, 1), NINETY, Verdict.NO_DATA, "3 labels of the 100", id="few"),
        pytest.param(labelled(0, 10), NINETY, Verdict.FAIL, "90.0% lower", id="ten wrong of ten"),
        pytest.param(good(), NINETY, Verdict.NO_DATA, "no feedback on the cand", id="none"),
        pytest.param(NINETY, good(), Verdict.NO_DATA, "not enough feedback on the s", id="no base"),
        pytest.param(NINETY, labelled(9, 1), Verdict.NO_DATA, "not enough", id="few of stable"),
    ],
)  # fmt: skip
def test_accuracy(
    mine: RevisionReadings, base: RevisionReadings, verdict: Verdict, words: str
) -> None:
    analysis = spec(**JUDGED).rollout.analysis
    found = judge(Input(analysis, Readings(candidate=mine, stable=base), NOW))
    evidence = next(e for e in found if e.signal == "accuracy")
    assert evidence.verdict is verdict, evidence.message
    assert words in evidence.message


def test_it_is_not_asked_for_and_not_judged_without_a_word_in_the_spec() -> None:
    analysis = spec().rollout.analysis
    assert FEEDBACK not in queries(analysis)
    assert "accuracy" not in {e.signal for e in judge(Input(analysis, against(good()), NOW))}
    assert FEEDBACK in queries(spec(**JUDGED).rollout.analysis)


def test_a_less_accurate_candidate_is_turned_back() -> None:
    world = rolling(10, **JUDGED)
    world.readings = Readings(candidate=labelled(800, 200), stable=NINETY)
    world.run(15)
    assert rejected(world).reason == "Accuracy"
    assert world.traffic == {R1: 100}


def test_without_labels_the_clock_stands_still() -> None:
    world = rolling(10, **JUDGED)
    world.run(300)
    assert (candidate(world).weight, candidate(world).held_seconds) == (10, 0)
    assert "no data for accuracy" in (world.status.message or "")


def test_a_failed_query_is_no_data() -> None:
    world = rolling(10, **JUDGED)
    down = {"feedback": Problem("PrometheusSlow", "Prometheus did not answer in 5 s")}
    world.readings = Readings(candidate=NINETY, stable=NINETY, problems=down)
    world.run(60)
    assert candidate(world).weight == 10
    assert "did not answer" in (world.status.message or "")


def test_at_100_percent_the_stables_last_accuracy_counts() -> None:
    world = rolling(10, **JUDGED)
    world.readings = Readings(candidate=NINETY, stable=NINETY)
    run_until_weight(world, 100)
    world.readings = Readings(candidate=labelled(800, 200))
    world.run(15)
    assert rejected(world).reason == "Accuracy"


def test_an_accurate_candidate_is_promoted() -> None:
    world = rolling(10, **JUDGED)
    before = stable(world)
    world.readings = Readings(candidate=NINETY, stable=NINETY)
    world.run(600)
    assert stable(world) != before
