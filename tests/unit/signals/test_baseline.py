"""The last hold, where the stable has no traffic to be measured by: what was kept of it, if any.

Prometheus has nothing of the stable any more in these stories. A rollout must come to an end all
the same: promoted if the candidate does well, turned back if it doesn't.
"""

from typing import Any

import pytest

from tests.unit.measured import measured, predictions, with_only, without
from tests.unit.scenes import (
    FAILING,
    FLIPPED,
    R1,
    R2,
    SLOW,
    UNREACHABLE,
    V1,
    V2,
    against,
    candidate,
    phase,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import World, good, spec
from transit_operator.api.status import Phase, read_status
from transit_operator.core.observed import Readings, RevisionReadings

LONG = [{"weight": 100, "hold": "10m"}]


def alone(found: RevisionReadings) -> Readings:
    """Return readings of a candidate with all traffic, some time after it got that."""
    return Readings(candidate=found)


def without_latency() -> World:
    """No latencies are asked for, by any signal."""
    overrides = rollout(analysis={"latency": {"mode": "Off"}, "traffic": {"mode": "Off"}})
    world = serving(**overrides)
    world.readings = against(*[without(good(), "latencies")] * 2)
    update(world, V2, **overrides)
    run_until_weight(world, 100)
    return world


def stable_lately() -> World:
    """It has all traffic before it was evaluated once."""
    world = rolling(100, **rollout(steps=LONG))
    world.run(700)
    update(world, V1, **rollout(steps=LONG))
    assert world.traffic == {R1: 100}
    return world


def by_command() -> World:
    world = serving(**rollout(steps=LONG))
    update(world, V2, **rollout(steps=LONG))
    say(world, "promote/1")
    assert (world.traffic, phase(world)) == ({R2: 100}, Phase.BAKING)
    return world


def lost() -> World:
    world = rolling(100)
    world.run(15)
    world.lose_status()
    world.settle()
    return world


def asked_for_now() -> World:
    """Drift was off for as long as the stable had traffic."""
    overrides = rollout(analysis={"drift": None})
    world = serving(**overrides)
    update(world, V2, **overrides)
    world.readings = against(*[without(good(), "classes")] * 2)
    run_until_weight(world, 100)
    world.spec = spec(V2)
    return world


STORIES = [without_latency, stable_lately, by_command, lost, asked_for_now]


@pytest.mark.parametrize("story", STORIES)
def test_the_last_hold_ends(story: Any) -> None:
    world = story()
    name = candidate(world).revision
    world.readings = alone(good())
    world.run(900)
    assert (stable(world), phase(world)) == (name, Phase.STABLE)


@pytest.mark.parametrize("story", STORIES)
def test_what_fails_by_itself_is_turned_back(story: Any) -> None:
    world = story()
    name = candidate(world).revision
    world.readings = alone(FAILING)
    world.run(15)
    assert (rejected(world).revision, rejected(world).reason) == (name, "ErrorRate")


@pytest.mark.parametrize("story", [stable_lately, by_command])
@pytest.mark.parametrize(("bad", "reason"), [(SLOW, "Latency"), (FLIPPED, "Drift")])
def test_what_the_stable_did_just_before_is_kept_then(
    story: Any, bad: RevisionReadings, reason: str
) -> None:
    world = story()
    world.run(15)
    world.readings = alone(bad)
    world.run(15)
    assert rejected(world).reason == reason


def test_a_comparison_that_can_never_be_made_is_told_and_holds_nothing() -> None:
    world = lost()
    world.readings = alone(good())
    world.run(15)
    said = {e.signal: (e.reason, e.message) for e in world.status.signals}
    for signal in ("latency", "drift"):
        assert said[signal][0] == "NothingKept"
        assert "nothing to compare with" in said[signal][1]


def test_invalid_requests_that_nobody_can_compare_are_left_to_a_person() -> None:
    world = lost()
    world.readings = alone(with_only(good(), measured(predictions(500, invalid=500))))
    world.run(900)
    assert phase(world) is Phase.BAKING
    assert "abort, or promote, decides" in str(world.status.message)
    say(world, "promote/1")
    assert stable(world) == R2


def test_a_prometheus_that_is_away_is_waited_for() -> None:
    world = by_command()
    world.readings = UNREACHABLE
    world.run(900)
    assert phase(world) is Phase.BAKING
    assert candidate(world).baseline is None
    world.readings = against(good())
    world.run(15)
    assert candidate(world).baseline is not None


def test_the_way_out_of_a_broken_stable_in_git_is_not_held_for_it() -> None:
    """Who goes back has a reason to: what the stable does now is no measure."""
    overrides = rollout(steps=LONG)
    world = rolling(100, **overrides)
    world.run(700)
    world.readings = against(good(), stable=FAILING)
    update(world, V1, **overrides)
    world.run(15)
    baseline = candidate(world).baseline
    assert baseline is not None
    assert baseline.broken
    world.readings = alone(good())
    world.run(700)
    assert (stable(world), phase(world)) == (R1, Phase.STABLE)


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.95), (0.95, 0.5)])
@pytest.mark.parametrize("slow", [False, True])
def test_another_quantile_is_compared_with_the_same_of_what_was_kept(
    before: float, after: float, slow: bool
) -> None:
    def asks(quantile: float) -> dict[str, Any]:
        return rollout(analysis={"latency": {"quantile": quantile, "maxRatio": 1.5}})

    world = rolling(100, **asks(before))
    world.spec = spec(V2, **asks(after))
    world.readings = alone(good(p95=0.021, median=0.011) if slow else good())
    world.run(15)
    if slow:
        assert rejected(world).reason == "Latency"
        assert f"p{before * 100:g} " in rejected(world).message
    else:
        assert world.status.rejected is None


def test_one_failed_query_forgets_nothing_of_what_was_kept() -> None:
    world = rolling(50)
    world.run(15)
    world.readings = against(*[without(good(), "latencies")] * 2)
    world.run(15)
    baseline = candidate(world).baseline
    assert baseline is not None
    assert (baseline.latency, baseline.quantile) == (0.01, 0.95)
    assert baseline.models["forest"].latency == 0.01


@pytest.mark.parametrize("quantile", [0.0, 1.0, -1.0, 1e308])
def test_a_quantile_that_is_none_is_not_looked_for(quantile: float) -> None:
    """Whatever stands in a status: the look goes on."""
    world = rolling(10)
    raw = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["candidate"]["baseline"]["quantile"] = quantile
    world.status = read_status(raw)
    world.run(30)
    assert candidate(world).baseline is not None
