"""How long is waited for pods and data, and `onFailure: Pause`, which leaves it to a person."""

from dataclasses import replace

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    R3,
    UNREACHABLE,
    V2,
    V3,
    against,
    candidate,
    last,
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
from tests.unit.world import World, good
from transit_operator.api.status import Phase
from transit_operator.core.decide import decide
from transit_operator.core.observed import Pod

IMPATIENT = rollout(analysis={"noData": {"policy": "Rollback", "after": "60s"}})
PAUSING = rollout(onFailure="Pause")


def test_pods_that_never_come_up_fail_by_the_deadline_with_their_own_words() -> None:
    world = serving()
    world.broken.add(R2)
    update(world, V2)
    problem = "Unschedulable: 0/3 nodes have nvidia.com/gpu"
    world.pods[R2] = tuple(Pod(p.name, ready=False, problem=problem) for p in world.pods[R2])
    world.run(30)
    assert problem in (world.status.message or "")
    assert world.traffic == {R1: 100}
    world.run(30)
    assert rejected(world).reason == "NotReady"
    assert problem in rejected(world).message
    assert "0 of 1 pods ready" in rejected(world).message
    assert phase(world) is Phase.ROLLED_BACK
    assert world.traffic == {R1: 100}


def test_time_paused_does_not_count_against_the_progress_deadline() -> None:
    world = serving()
    world.broken.add(R2)
    update(world, V2)
    world.run(30)
    say(world, "pause/1")
    world.run(3600)
    say(world, "resume/2")
    world.run(30)
    assert world.status.rejected is None
    world.run(40)
    assert rejected(world).reason == "NotReady"


def test_no_data_policy_rollback_turns_back_once_blind_for_that_long() -> None:
    world = rolling(10, **IMPATIENT)
    world.readings = UNREACHABLE
    world.run(60)
    assert world.status.rejected is None
    world.readings = against(good())
    world.run(15)
    world.readings = UNREACHABLE
    world.run(60)
    assert world.status.rejected is None, "it was not blind all the time"
    world.run(15)
    assert rejected(world).reason == "NoData"
    assert "can't be reached" in rejected(world).message


def test_after_a_rollback_nothing_is_said_to_be_unmeasured() -> None:
    world = rolling(10, **IMPATIENT)
    world.readings = UNREACHABLE
    world.run(120)
    assert phase(world) is Phase.ROLLED_BACK
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert metrics.status != "False", "no candidate is judged now, so nothing is missing"


def test_on_failure_pause_keeps_the_weight_and_waits_for_a_person() -> None:
    world = rolling(10, **PAUSING)
    world.readings = against(FAILING)
    world.run(600)
    assert phase(world) is Phase.PAUSED
    assert world.status.rejected is None
    assert candidate(world).weight == 10
    assert world.traffic == {R1: 90, R2: 10}
    assert reasons(world).count("Paused") == 1
    assert "ErrorRate" in last(world, "Paused").message
    world.readings = against(good())
    world.run(60)
    assert candidate(world).weight == 10, "a person must say go on"
    say(world, "resume/1")
    run_until_weight(world, 50)


@pytest.mark.parametrize("promoted", [False, True], ids=["turned away from", "promoted anyhow"])
def test_a_newer_version_is_not_paused_by_a_failed_one_that_was(promoted: bool) -> None:
    world = rolling(10, **PAUSING)
    world.readings = against(FAILING)
    world.run(15)
    assert phase(world) is Phase.PAUSED
    if promoted:
        world.now += 15  # in the same moment the next evaluation fails too
        say(world, "promote-full/1")
        assert stable(world) == R2
    world.readings = against(good())
    update(world, V3, **PAUSING)
    assert candidate(world).revision == R3
    world.run(15)
    assert phase(world) is Phase.PROGRESSING
    assert candidate(world).weight == 10


def test_on_failure_pause_leaves_pods_that_never_come_up_to_a_person_too() -> None:
    world = serving(**PAUSING)
    world.broken.add(R2)
    update(world, V2, **PAUSING)
    world.run(65)
    assert phase(world) is Phase.PAUSED
    assert "NotReady: 0 of 1 pods ready after 1m" in last(world, "Paused").message
    assert candidate(world).revision == R2
    world.broken.clear()
    world.recover(R2)
    say(world, "resume/1")
    run_until_weight(world, 10)


def test_on_failure_pause_leaves_missing_data_to_a_person_too() -> None:
    policy = rollout(onFailure="Pause", analysis={"noData": {"policy": "Rollback", "after": "60s"}})
    world = rolling(10, **policy)
    world.readings = UNREACHABLE
    world.run(120)
    assert phase(world) is Phase.PAUSED
    assert reasons(world).count("Paused") == 1
    assert "NoData: no data for" in last(world, "Paused").message
    assert world.traffic == {R1: 90, R2: 10}


def away(world: World, seconds: float) -> None:
    """Nobody looks for so long; then once."""
    world.now += seconds
    world.settle()


def test_blindness_that_nobody_watched_is_not_held_against_a_candidate() -> None:
    """The operator and Prometheus were away together, and come back together."""
    world = rolling(10, **IMPATIENT)
    world.readings = UNREACHABLE
    world.run(30)
    away(world, 3600)
    world.run(45)
    assert world.status.rejected is None
    world.run(30)
    assert rejected(world).reason == "NoData"


def test_pods_of_a_cluster_that_was_away_have_their_deadline_again() -> None:
    world = serving()
    world.broken.add(R2)
    update(world, V2)
    world.run(30)
    away(world, 3600)
    world.run(45)
    assert world.status.rejected is None
    world.run(30)
    assert rejected(world).reason == "NotReady"


def test_who_is_never_evaluated_has_one_deadline_all_the_same() -> None:
    """Prometheus is asked and asked, and its answer never comes."""
    world = serving()
    world.broken.add(R2)
    update(world, V2)
    began = world.now
    while world.status.rejected is None:
        world.now += 5
        assert world.now - began < 600, "it waits for ever"
        observed = replace(world.observed(), readings=None, asking=True)
        world.status = decide(observed).status
    assert rejected(world).reason == "NotReady"
