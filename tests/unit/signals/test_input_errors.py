"""Rows on which a model fails though it works: what of them turns a candidate back.

That the server counts them apart, `tests/server/serving/test_input_errors.py` shows.
"""

import random
from typing import Any

import pytest

from tests.unit.measured import latencies, measured, predicted, predictions, with_only
from tests.unit.scenes import (
    R1,
    R2,
    V2,
    against,
    candidate,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    serving,
    stable,
    update,
)
from tests.unit.world import STEPS, good, spec
from transit_operator.api.analysis import Analysis
from transit_operator.api.status import Baseline, Evidence, ModelBaseline, Verdict
from transit_operator.core.observed import Readings, RevisionReadings
from transit_operator.core.rules.evaluate import next_evaluation
from transit_operator.core.signals.error_rate import ErrorRateSignal
from transit_operator.core.signals.evidence import Given, Input
from transit_operator.core.signals.kept import baseline_of

PASS, FAIL, NO_DATA = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA
NOW = 1_000_000_000.0
LONG_AGO = NOW - 3600
NOTHING = RevisionReadings()


def seen(
    success: float, by_input: float = 0, error: float = 0, model: str = "forest"
) -> RevisionReadings:
    return measured(predictions(success, error=error, model=model, input_error=by_input))


def kept(success: float, by_input: float) -> Baseline:
    of = ModelBaseline(requests=success + by_input, input_errors=by_input)
    return Baseline(models={"forest": of}, time="2026-01-01T00:00:00Z")


def judge(
    mine: RevisionReadings,
    base: RevisionReadings,
    old: Baseline | None = None,
    given: Given | None = None,
) -> Evidence:
    return ErrorRateSignal().judge(Input(Analysis(), Readings(mine, base), NOW, old, given))


@pytest.mark.parametrize(
    ("mine", "base", "verdict"),
    [
        pytest.param(seen(800, 200), seen(9000), FAIL, id="a fifth of real rows"),
        pytest.param(seen(0, 10), seen(900), FAIL, id="a first share, and all of it"),
        pytest.param(seen(0, 2), seen(20), NO_DATA, id="two of two"),
        pytest.param(seen(500, 500), seen(4500, 4500), PASS, id="both fail on them"),
        pytest.param(seen(650, 350), seen(7000, 3000), PASS, id="exactly that much more"),
        pytest.param(seen(640, 360), seen(7000, 3000), NO_DATA, id="plenty, and yet by chance"),
        pytest.param(seen(400, 600), seen(7000, 3000), FAIL, id="twice the stable's share"),
        pytest.param(seen(0, 5000), seen(0, 9000), NO_DATA, id="nothing answered to pass by"),
        pytest.param(seen(99, 400), seen(1000, 4000), NO_DATA, id="too little answered to pass by"),
        pytest.param(seen(100, 400), seen(1000, 4000), PASS, id="enough answered to pass by"),
        pytest.param(seen(440, 500, 60), seen(4500, 4500), FAIL, id="errors are errors"),
        pytest.param(seen(450, 500, 50), seen(4500, 4500), PASS, id="errors just within"),
        pytest.param(seen(9200, 400, 400), seen(90_000), FAIL, id="together beyond the bound"),
        pytest.param(seen(0, 1000), seen(0, 0, 9000), FAIL, id="the stable's errors excuse none"),
        pytest.param(seen(900, 100), seen(0, 0), NO_DATA, id="a stable nobody asked, no verdict"),
        pytest.param(seen(949, 51), NOTHING, FAIL, id="without a stable, just over"),
        pytest.param(seen(950, 50), NOTHING, PASS, id="without a stable, exactly the limit"),
    ],
)
def test_against_the_stable(
    mine: RevisionReadings, base: RevisionReadings, verdict: Verdict
) -> None:
    found = judge(mine, base)
    assert found.verdict is verdict, found.message


def test_the_message_has_both_shares() -> None:
    found = judge(seen(700, 300), seen(9000, 1000))
    assert (found.value, found.baseline, found.threshold) == (0.3, 0.1, 0.05)
    assert found.message == (
        "error rate 30.0% over 5.0% more than the stable's 10.0% of input errors: 300 of 1000"
        " predictions in 5m, 300 of them by rows that it fails on"
    )


def test_a_rare_model_that_fails_on_its_rows_fails_by_name() -> None:
    common, rare = seen(10_000, model="cnn"), seen(0, 60, model="xgb")
    mine = RevisionReadings({"predictions": common.samples["predictions"] + _of(rare)})
    both = RevisionReadings({"predictions": _of(seen(90_000, model="cnn")) + _of(rare)})
    sound = seen(540, model="xgb")
    base = RevisionReadings({"predictions": _of(seen(90_000, model="cnn")) + _of(sound)})
    assert judge(mine, base).verdict is FAIL
    assert judge(mine, base).message.startswith("xgb: ")
    assert judge(mine, both).verdict is PASS, "the stable fails on them, too"


def _of(readings: RevisionReadings) -> tuple[Any, ...]:
    return readings.samples["predictions"]


@pytest.mark.parametrize(
    ("mine", "base", "old", "share", "verdict"),
    [
        pytest.param(seen(800, 200), NOTHING, kept(800, 200), 100, PASS, id="as it was"),
        pytest.param(seen(600, 400), NOTHING, kept(800, 200), 100, FAIL, id="more than it was"),
        pytest.param(seen(800, 200), seen(9), kept(800, 200), 100, PASS, id="kept beats strays"),
        pytest.param(seen(40, 30), seen(55, 15), kept(5000, 0), 50, NO_DATA, id="not below 100 %"),
        pytest.param(
            seen(700, 300), seen(700, 300), kept(5000, 0), 50, PASS, id="same time counts"
        ),
    ],
)
def test_kept_figures_are_for_100_percent(
    mine: RevisionReadings, base: RevisionReadings, old: Baseline, share: int, verdict: Verdict
) -> None:
    found = judge(mine, base, old, Given(share, LONG_AGO))
    assert found.verdict is verdict, found.message


def test_what_the_stable_failed_on_is_kept() -> None:
    base = with_only(good(), seen(700, 300))
    found = baseline_of(Analysis(), Readings(good(), base), None, NOW)
    assert found is not None
    assert found.models["forest"].input_errors == 300
    assert found.models["forest"].requests == 1000


@pytest.mark.parametrize(
    ("mine", "base", "given", "verdict"),
    [
        pytest.param(seen(100, 60), seen(900), Given(10, LONG_AGO), PASS, id="all of it beside"),
        pytest.param(
            seen(100, 60), seen(900), Given(10, LONG_AGO, exact=False), FAIL, id="nobody can tell"
        ),
        pytest.param(seen(70, 30), seen(900), Given(10, LONG_AGO), FAIL, id="all within its share"),
        pytest.param(
            seen(70, 90), seen(900), Given(10, LONG_AGO), FAIL, id="within it and beside it"
        ),
        pytest.param(
            seen(6, 30),
            seen(1200),
            Given(10, NOW - 15),
            NO_DATA,
            id="left over from testers at 0 %",
        ),
        pytest.param(seen(0, 6), seen(1194), Given(10, NOW - 15), FAIL, id="just given, all fails"),
        pytest.param(
            seen(290, 70), seen(2640), Given(50, NOW - 15, before=10), FAIL, id="of the step before"
        ),
        pytest.param(seen(110, 0, 50), seen(900), Given(10, LONG_AGO), FAIL, id="errors count all"),
    ],
)
def test_what_comes_beside_the_weights_is_aimed(
    mine: RevisionReadings, base: RevisionReadings, given: Given, verdict: Verdict
) -> None:
    """By a header or a session; with router `replicas` a connection may bring it by chance."""
    found = judge(mine, base, given=given)
    assert found.verdict is verdict, found.message


def doing_well(share: float, p95: float = 0.010) -> RevisionReadings:
    """A revision to which one client sends rows that no version answers."""
    bad = 1000 * share
    return measured(
        predictions(1000 - bad, input_error=bad),
        latencies(p95, 0.005, 1000),
        predicted({"A": 600.0, "B": 250.0, "C": 150.0}),
    )


def even(share: float, weight: int) -> Readings:
    """Both with that share of bad rows, and with so many requests as their weights say."""
    bad = 10_000 * share

    def part(percent: int) -> RevisionReadings:
        mine = percent / 100
        counts = predictions((10_000 - bad) * mine, input_error=bad * mine)
        return with_only(good(10_000 * mine), measured(counts))

    return Readings(part(weight), part(100 - weight) if weight < 100 else NOTHING)


def test_rows_that_both_fail_on_sway_nothing() -> None:
    """Through a whole rollout, also when the stable has no traffic to be compared with."""
    world = rolling(10)
    for weight in (10, 50, 100):
        world.readings = even(0.3, weight)
        if weight < 100:
            run_until_weight(world, weight)
            world.readings = even(0.3, weight)
            world.run(15)
    run_until_weight(world, 100)
    world.readings = even(0.3, 100)
    world.run(120)
    assert stable(world) == R2, world.status.message


def test_a_candidate_that_fails_on_a_fifth_of_real_rows_is_turned_back() -> None:
    world = rolling(10, **rollout(steps=[{"weight": 10, "hold": "1h"}, *STEPS[1:]]))
    world.readings = Readings(with_only(good(), seen(160, 40)), with_only(good(), seen(1800)))
    world.run(330)
    assert rejected(world).reason == "ErrorRate"
    assert "the stable's 0.0% of input errors" in rejected(world).message
    assert world.traffic == {R1: 100}


def test_they_dont_switch_the_comparisons_off() -> None:
    """A stable that seems broken would be no measure of a candidate that is slow."""
    world = rolling(10)
    world.readings = against(doing_well(0.3, p95=0.05), doing_well(0.3))
    world.run(15)
    assert rejected(world).reason == "Latency"


def test_a_stable_that_fails_on_what_its_fix_answers_is_broken() -> None:
    """96 % of its answers are quick failures: the fix must not be turned back for being slower."""
    world = serving()
    broken = measured(predictions(40, input_error=960), latencies(0.001, 0.0005, 1000))
    world.readings = against(good(), broken)
    update(world, V2)
    run_until_weight(world, 50)
    latency = next(e for e in world.status.signals if e.signal == "latency")
    assert latency.reason == "StableBroken"
    assert candidate(world).revision == R2


def test_one_who_goes_on_all_day_hardly_ever_finds_chance_on_his_side() -> None:
    """Windows of their own, at the steps' shares: each as good a chance as many that overlap."""
    rng = random.Random(7)
    fails = 0
    for _ in range(1500):
        every, bad, share = (
            rng.choice((60, 200, 600)),
            rng.choice((0.1, 0.5, 0.8)),
            rng.choice((10, 50)),
        )
        mine = sum(rng.random() < share / 100 for _ in range(every))
        by_input = sum(rng.random() < bad for _ in range(mine))
        of_stable = sum(rng.random() < bad for _ in range(every - mine))
        found = judge(
            seen(mine - by_input, by_input),
            seen(every - mine - of_stable, of_stable),
            given=Given(share, LONG_AGO),
        )
        fails += found.verdict is FAIL
    assert fails <= 1


def test_steps_may_be_cut_off_under_a_candidate() -> None:
    """In the very look that evaluates it; the step before the present one is then another."""
    world = rolling(100)
    due = next_evaluation(world.spec, world.status, world.now)
    assert due is not None
    world.now = due
    world.spec = spec(V2, **rollout(steps=[STEPS[2]]))
    world.reconcile()
    assert candidate(world).step == 1
    assert world.status.rejected is None
