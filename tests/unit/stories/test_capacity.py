"""Stories of room that is not there: what returns from the dead, what hangs, what shrinks when."""

from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    REPLICAS_ROUTER,
    V2,
    V3,
    against,
    candidate,
    last,
    lose_pods,
    phase,
    reasons,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import STEPS, World, good
from transit_operator.api.status import Condition, Phase
from transit_operator.core.decide import decide
from transit_operator.core.observed import Readings

TEN: dict[str, Any] = {"replicas": 10}
LONG = rollout(steps=[{"weight": 100, "hold": "24h"}])
ROUTERS = [pytest.param({}, id="gateway"), pytest.param(REPLICAS_ROUTER, id="replicas")]


def condition(world: World, kind: str) -> Condition:
    return next(c for c in world.status.conditions if c.type == kind)


def baking_without_room(router: dict[str, Any]) -> World:
    """Ten pods at 100 %, a standby of five, and others took the room that this freed."""
    world = rolling(100, **TEN, **LONG, **router)
    world.run(60)
    assert len(world.pods[R1]) == 5
    world.nodes = 15
    return world


@pytest.mark.parametrize("router", ROUTERS)
def test_a_rollback_from_100_percent_frees_the_room_that_it_needs(router: dict[str, Any]) -> None:
    world = baking_without_room(router)
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 50, R2: 50}
    assert phase(world) is Phase.ROLLING_BACK
    world.run(120)
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK
    assert "RollbackStalled" not in reasons(world)


def test_a_rejected_revision_shrinks_only_after_the_drain() -> None:
    world = baking_without_room({})
    world.readings = against(FAILING)
    world.run(15)
    began = world.now
    while len(world.pods[R2]) == 10:
        assert world.now < began + 30
        world.run(1, step=1)
    assert world.now - began >= 8, "traffic may still be on its way to its pods"
    assert len(world.pods[R2]) == 5


def hanging() -> World:
    """A rollback to a standby whose further pods never come up."""
    world = rolling(100, **TEN, **LONG)
    world.run(60)
    world.broken.add(R1)
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 50, R2: 50}
    return world


def test_a_rollback_that_hangs_is_told_and_goes_to_what_is_ready_by_the_deadline() -> None:
    world = hanging()
    world.run(70)
    assert world.traffic == {R1: 100}, "five pods are better than bad answers"
    assert phase(world) is Phase.ROLLED_BACK
    assert "5 of 10 pods of" in last(world, "RollbackStalled").message


def test_a_rollback_never_goes_to_nothing() -> None:
    world = hanging()
    lose_pods(world, R1)
    world.run(600)
    assert world.traffic == {R2: 100}
    assert phase(world) is Phase.ROLLING_BACK
    assert reasons(world).count("RollbackStalled") == 1
    assert condition(world, "Stalled").reason == "RollingBack"
    world.start(R1)
    world.settle()
    assert world.traffic == {R1: 100}
    assert condition(world, "Stalled").reason == "RolledBack"


@pytest.mark.parametrize("verb", ["abort", "rollback"])
def test_a_person_may_hurry_a_rollback(verb: str) -> None:
    world = hanging()
    say(world, f"{verb}/1")
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK
    assert "CommandIgnored" not in reasons(world)


def test_promote_full_turns_a_rollback_round() -> None:
    world = hanging()
    say(world, "promote-full/1")
    world.readings = against(good())
    world.run(30)
    assert stable(world) == R2
    assert world.traffic == {R2: 100}


def test_a_plain_promote_while_traffic_goes_back_is_answered() -> None:
    world = hanging()
    say(world, "promote/1")
    assert "promote-full turns that round" in last(world, "CommandIgnored").message


def test_what_comes_back_from_the_dead_gets_what_it_can_carry() -> None:
    steps = [{"weight": 10, "hold": "1h"}, {"weight": 100, "hold": "1h"}]
    world = rolling(10, **TEN, **rollout(steps=steps))
    world.slow = True
    lose_pods(world, R1)
    world.settle()
    assert world.traffic == {R2: 100}
    for _ in range(9):
        world.start(R2)
        world.settle()
    world.run(60)
    assert len(world.pods[R2]) == 10
    world.start(R1)
    world.settle()
    assert world.traffic == {R1: 10, R2: 90}
    assert len(world.pods[R2]) == 10, "in the same second it still carries everything"
    world.start(R1, 4)
    world.settle()
    assert world.traffic == {R1: 50, R2: 50}
    world.start(R1, 5)
    world.settle()
    assert world.traffic == {R1: 90, R2: 10}
    assert len(world.pods[R2]) == 10, "only after the drain"
    world.run(15)
    assert len(world.pods[R2]) < 10


def test_a_dead_candidate_that_had_everything_comes_back_as_it_can_carry() -> None:
    world = rolling(100, **TEN, **LONG)
    world.run(60)
    world.slow = True
    lose_pods(world, R2)
    world.settle()
    assert world.traffic == {R1: 100}
    world.start(R1, 5)
    world.settle()
    world.start(R2)
    world.settle()
    assert world.traffic == {R1: 90, R2: 10}
    assert len(world.pods[R1]) == 10, "the standby carries nine tenths"


def test_a_stable_that_died_during_a_retreat_gets_what_it_can_carry() -> None:
    world = rolling(50, **TEN)
    world.slow = True
    lose_pods(world, R1)
    world.settle()
    world.readings = Readings(candidate=FAILING)
    world.run(15)
    assert phase(world) is Phase.ROLLING_BACK
    assert world.traffic == {R2: 100}
    world.start(R1)
    world.settle()
    assert world.traffic == {R1: 10, R2: 90}


@pytest.mark.parametrize("verb", ["retry", "promote-full"])
def test_a_broken_stable_never_blocks_its_own_fix(verb: str) -> None:
    world = serving()
    world.broken.add(R1)
    lose_pods(world, R1)
    world.readings = Readings(candidate=good())
    update(world, V2)
    assert world.traffic == {R2: 100}
    say(world, "abort/1")
    assert phase(world) is Phase.ROLLING_BACK
    say(world, f"{verb}/2")
    assert candidate(world).revision == R2 if verb == "retry" else stable(world) == R2
    world.run(600)
    assert stable(world) == R2
    assert phase(world) is Phase.STABLE


@pytest.mark.parametrize("paused_by", ["pause/1", ""])
def test_a_pause_ends_with_the_candidate_it_was_for(paused_by: str) -> None:
    overrides = {} if paused_by else rollout(onFailure="Pause")
    world = rolling(10, **overrides)
    if paused_by:
        say(world, paused_by)
    else:
        world.readings = against(FAILING)
        world.run(15)
    assert phase(world) is Phase.PAUSED
    world.readings = against(good())
    update(world, "1.0.0", **overrides)
    world.run(15)
    assert phase(world) is Phase.STABLE
    update(world, V3, **overrides)
    run_until_weight(world, 10)


def test_a_pause_while_nothing_is_tried_holds_the_next_rollout() -> None:
    world = serving()
    say(world, "pause/1")
    update(world, V2)
    world.run(300)
    assert phase(world) is Phase.PAUSED
    say(world, "resume/2")
    run_until_weight(world, 10)


def test_the_autoscalers_minimum_stays_while_its_figures_are_of_half_the_load() -> None:
    scaled: dict[str, Any] = {"replicas": None, "autoscaling": {"min": 2, "max": 40}}
    world = serving(**scaled)
    world.autoscale(R1, 20)
    world.settle()
    update(world, V2, **scaled, **rollout(steps=[*STEPS[:2], {"weight": 100, "hold": "1h"}]))
    run_until_weight(world, 100)
    assert decide(world.observed()).replicas[R2] == 20
    world.run(310)
    assert decide(world.observed()).replicas[R2] == 2


def test_the_rejected_reason_stays_when_a_rollback_stalls() -> None:
    world = hanging()
    world.run(70)
    assert rejected(world).reason == "ErrorRate"


def shared(replicas: int, **overrides: Any) -> dict[str, Any]:
    return {"replicas": replicas, **rollout(capacity="Shared", **overrides)}


@pytest.mark.parametrize("replicas", [2, 3, 4, 7, 10, 20])
@pytest.mark.parametrize("router", ROUTERS)
def test_a_full_pool_of_n_nodes_rolls_out_n_replicas(replicas: int, router: dict[str, Any]) -> None:
    overrides = shared(replicas) | router
    world = serving(**overrides)
    world.nodes = replicas
    update(world, V2, **overrides)
    lowest = replicas
    for _ in range(400):
        world.run(5)
        lowest = min(lowest, sum(p.ready for pods in world.pods.values() for p in pods))
        if stable(world) == R2 and world.status.candidate is None:
            break
    world.run(60)
    assert stable(world) == R2, world.status.message
    assert world.traffic == {R2: 100}
    assert len(world.pods[R2]) == replicas
    assert lowest >= replicas - 1 - replicas // 4, "pods change hands, they are not thrown away"


@pytest.mark.parametrize("reserve", [0, 5, 90])
@pytest.mark.parametrize("replicas", [3, 8])
def test_pods_change_hands_whatever_the_reserve(replicas: int, reserve: int) -> None:
    """One pod of eight carries 12 %, and 88 % are not more than the other seven can lose one of."""
    overrides = shared(replicas, reserve=reserve)
    world = serving(**overrides)
    world.nodes = replicas
    update(world, V2, **overrides)
    world.run(300)
    assert world.status.rejected is None, world.status.message
    assert world.traffic == {R2: 100}


@pytest.mark.parametrize("replicas", [2, 3, 10])
@pytest.mark.parametrize("weight", [10, 50, 100])
def test_a_full_pool_goes_back_too(replicas: int, weight: int) -> None:
    steps = [{"weight": w, "hold": "1h"} for w in sorted({weight, 100})]
    overrides = shared(replicas, steps=steps)
    world = serving(**overrides)
    world.nodes = replicas
    update(world, V2, **overrides)
    world.run(240)
    assert world.traffic.get(R2) == weight, world.status.message
    world.readings = against(FAILING)
    world.run(240)
    assert world.traffic == {R1: 100}, world.status.message
    assert len(world.pods[R1]) == replicas
    assert sum(p.ready for p in world.pods[R1]) == replicas
    assert "RollbackStalled" not in reasons(world)


def test_pods_that_never_change_hands_are_a_failure() -> None:
    overrides = shared(10)
    world = rolling(10, **overrides)
    world.broken.add(R2)
    world.run(300)
    assert rejected(world).reason in ("NotReady", "Health")
    assert world.traffic == {R1: 100}


def test_a_share_above_its_step_is_no_fault_of_the_candidate() -> None:
    """The stable dies, and others take its room: what it can't carry the candidate has."""
    overrides = shared(10, steps=[{"weight": 10, "hold": "1h"}, {"weight": 100, "hold": "1h"}])
    world = rolling(10, **overrides)
    world.run(60)
    world.nodes = 3
    world.pods[R1] = ()
    world.run(600)
    assert world.traffic[R2] > 10, world.traffic
    assert world.status.rejected is None, world.status.message


def test_in_the_last_hold_a_reserve_is_kept() -> None:
    world = rolling(100, **shared(10, steps=[{"weight": 100, "hold": "1h"}]))
    world.run(180)
    assert world.traffic == {R2: 100}
    assert (len(world.pods[R1]), len(world.pods[R2])) == (2, 8)
