"""A stable version that is broken must not stand in the way of its own fix."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.measured import latencies, measured, predictions
from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    R3,
    R4,
    REPLICAS_ROUTER,
    V1,
    V2,
    V3,
    V4,
    against,
    candidate,
    lose_pods,
    phase,
    reasons,
    rejected,
    rolling,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import World, good
from transit_operator.api.status import Phase
from transit_operator.core.observed import Readings

# Errors are quick, and predict nothing.
ERRORS_ONLY = measured(predictions(error=1000), latencies(0.001, 0.001, 1000))


def dead() -> World:
    """A stable whose pods all have failed."""
    world = serving()
    world.broken.add(R1)
    lose_pods(world, R1)
    world.readings = Readings(candidate=good())
    return world


def failing() -> World:
    """A stable that answers everything with an error."""
    world = serving()
    world.readings = Readings(candidate=good(), stable=ERRORS_ONLY)
    return world


@pytest.mark.parametrize("scene", [dead, failing])
def test_the_fix_of_a_broken_stable_is_rolled_out(scene: Callable[[], World]) -> None:
    world = scene()
    update(world, V2)
    world.run(600)
    assert stable(world) == R2, world.status.message
    assert phase(world) is Phase.STABLE
    assert reasons(world).count("StepReached") == 3, "no step is left out for that"


def test_a_fix_is_not_turned_back_for_being_slower_than_an_error() -> None:
    world = failing()
    update(world, V2)
    run_until_weight(world, 50)
    latency = next(e for e in world.status.signals if e.signal == "latency")
    assert latency.reason == "StableBroken"
    assert "broken" in latency.message
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert metrics.status == "True"


def test_a_fix_that_fails_too_is_turned_back() -> None:
    world = failing()
    update(world, V2)
    run_until_weight(world, 10)
    world.readings = Readings(candidate=FAILING, stable=ERRORS_ONLY)
    world.run(15)
    assert world.status.rejected is not None
    assert world.traffic == {R1: 100}


def test_what_was_kept_of_a_sound_stable_still_measures_after_it_broke() -> None:
    world = rolling(10)
    world.run(15)
    world.readings = Readings(candidate=good(p95=0.021), stable=ERRORS_ONLY)
    world.run(15)
    assert world.status.rejected is not None
    assert world.status.rejected.reason == "Latency"


def test_when_the_stable_is_sound_again_it_measures_again() -> None:
    world = failing()
    update(world, V2)
    run_until_weight(world, 10)
    world.readings = against(good(p95=0.021))
    world.run(15)
    assert world.status.rejected is not None
    assert world.status.rejected.reason == "Latency"


def test_no_figures_of_a_sound_stable_still_hold() -> None:
    world = serving()
    world.readings = Readings(candidate=good())
    update(world, V2)
    world.run(600)
    assert candidate(world).weight == 10
    assert candidate(world).held_seconds == 0


def broken_stable(**overrides: Any) -> World:
    """1.0.0 was healthy and is not any more; there is nothing to measure it by."""
    world = serving(**overrides)
    world.broken.add(R1)
    lose_pods(world, R1)
    world.readings = Readings(candidate=good())
    world.settle()
    return world


def test_the_fix_of_a_broken_stable_serves_at_once_and_can_be_promoted() -> None:
    world = broken_stable()
    update(world, V2)
    assert world.traffic == {R2: 100}
    world.run(60)
    assert world.traffic == {R2: 100}
    say(world, "promote-full/1")
    assert stable(world) == R2
    assert phase(world) is Phase.STABLE


@pytest.mark.parametrize("router", [{}, REPLICAS_ROUTER], ids=["gateway", "replicas"])
def test_a_second_fix_of_a_broken_stable_waits_for_no_pod_of_it(router: dict[str, Any]) -> None:
    """2.0.0 can't be taken back to a stable that is dead; nor is anything known against it."""
    world = broken_stable(**router)
    update(world, V2, **router)
    assert world.traffic == {R2: 100}
    update(world, V3, **router)
    assert world.traffic == {R2: 100}
    run_until_weight(world, 10)
    assert world.traffic == {R2: 90, R3: 10}
    run_until_weight(world, 50)
    assert world.traffic == {R2: 50, R3: 50}
    world.run(300)
    assert (stable(world), world.traffic, set(world.pods)) == (R3, {R3: 100}, {R3})


def test_a_second_fix_that_is_turned_back_leaves_the_traffic_where_it_was() -> None:
    world = broken_stable()
    update(world, V2)
    update(world, V3)
    run_until_weight(world, 50)
    world.readings = Readings(candidate=FAILING)
    world.run(30)
    assert rejected(world).revision == R3
    assert world.traffic == {R2: 100}
    world.broken.clear()
    world.recover(R1)
    world.run(60)
    assert (stable(world), world.traffic) == (R1, {R1: 100})


def test_one_lost_pod_of_who_carries_the_traffic_gives_the_next_one_nothing() -> None:
    world = broken_stable()
    update(world, V2)
    update(world, V3)
    world.crash(R2)
    world.settle()
    assert world.traffic == {R2: 100}


def test_the_stable_that_comes_back_meanwhile_has_its_share_again() -> None:
    world = broken_stable()
    update(world, V2)
    update(world, V3)
    run_until_weight(world, 10)
    world.broken.clear()
    world.recover(R1)
    world.settle()
    assert world.traffic == {R1: 90, R3: 10}


def test_a_fix_of_a_rejected_fix_of_a_broken_stable_gets_its_turn() -> None:
    world = broken_stable()
    update(world, V2)
    world.readings = Readings(candidate=FAILING)
    world.run(30)
    assert rejected(world).revision == R2
    assert world.traffic == {R2: 100}, "bad answers are better than none"
    world.readings = Readings(candidate=good())
    update(world, V4)
    world.run(60)
    assert world.traffic == {R4: 100}
    say(world, "promote-full/1")
    assert stable(world) == R4


def test_a_stable_whose_traffic_another_one_carries_is_not_said_to_serve() -> None:
    """The spec asks for it again while a third one is tried: it is not Ready before it has it."""
    world = broken_stable()
    update(world, V2)
    assert world.traffic == {R2: 100}
    update(world, V3)
    update(world, V1)
    assert world.traffic == {R2: 100}
    said = {c.type: c.status for c in world.status.conditions}
    assert (said["Ready"], said["Reconciling"]) == ("False", "True")
    assert world.status.message is not None
    assert world.status.message.startswith(f"{R2} serves until forest 1.0.0 can")
    world.broken.clear()
    world.recover(R1)
    world.run(30)
    assert world.traffic == {R1: 100}
    assert {c.type: c.status for c in world.status.conditions}["Ready"] == "True"
