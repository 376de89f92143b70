"""Approval, a quick way back in Git, and a pod of what was rejected to look at."""

from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    R3,
    REPLICAS_ROUTER,
    V1,
    V2,
    V3,
    against,
    candidate,
    last,
    phase,
    reasons,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import STEPS, World, good
from transit_operator.api.status import Phase
from transit_operator.core.observed import Readings

APPROVED = rollout(steps=[{**STEPS[0], "approval": True}, *STEPS[1:]])


def promoted(**overrides: Any) -> World:
    world = rolling(100, **overrides)
    world.run(120)
    assert stable(world) == R2
    return world


def test_a_step_with_approval_waits_for_the_word_promote() -> None:
    world = rolling(10, **APPROVED)
    world.run(600)
    assert candidate(world).weight == 10
    assert "waits for approval" in str(world.status.message)
    assert reasons(world).count("ApprovalNeeded") == 1
    progressing = next(c for c in world.status.conditions if c.type == "Progressing")
    assert progressing.reason == "WaitingForApproval"
    say(world, "promote/1")
    assert candidate(world).weight == 50
    world.run(300)
    assert stable(world) == R2


def test_an_approval_that_is_edited_out_is_not_waited_for() -> None:
    world = rolling(10, **APPROVED)
    world.run(60)
    update(world, V2)
    assert "approval" not in str(world.status.message)
    run_until_weight(world, 50)


def test_what_waits_for_approval_is_still_judged() -> None:
    world = rolling(10, **APPROVED)
    world.run(60)
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}


def test_the_last_step_may_wait_for_approval_too() -> None:
    steps = [STEPS[0], {**STEPS[2], "approval": True}]
    world = rolling(100, **rollout(steps=steps))
    world.run(600)
    assert phase(world) is Phase.BAKING
    say(world, "promote/1")
    assert stable(world) == R2


@pytest.mark.parametrize("router", [{}, REPLICAS_ROUTER], ids=["gateway", "replicas"])
def test_going_back_in_git_takes_one_step_of_100_percent(router: dict[str, Any]) -> None:
    world = promoted(**router)
    world.readings = Readings(stable=good())  # nobody has measured it for long
    update(world, V1, **router)
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.BAKING
    assert last(world, "StepReached").weight == 100
    world.readings = against(good())
    world.run(120)
    assert stable(world) == R1


def test_it_waits_for_its_pods_and_is_still_watched() -> None:
    world = promoted()
    world.broken.add(R1)
    update(world, V1)
    world.run(20)
    assert world.traffic == {R2: 100}
    world.broken.clear()
    world.recover(R1)
    world.settle()
    assert world.traffic == {R1: 100}
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R2: 100}
    assert phase(world) is Phase.ROLLED_BACK


@pytest.mark.parametrize("within", ["1m", "0s"])
def test_one_that_was_stable_long_ago_takes_its_steps(within: str) -> None:
    overrides = rollout(revertWithin=within)
    world = promoted(**overrides)
    world.run(90)
    update(world, V1, **overrides)
    world.run(15)
    assert candidate(world).weight <= 10


def test_two_versions_back_is_quick_too_and_a_new_one_is_not() -> None:
    world = promoted()
    update(world, V3)
    world.run(300)
    assert stable(world) == R3
    update(world, V1)
    assert world.traffic == {R1: 100}
    update(world, "5.0.0")
    world.run(60)
    assert world.traffic.get(R1, 0) <= 10 or stable(world) == R3


def test_one_that_failed_when_it_came_back_takes_its_steps_the_next_time() -> None:
    world = promoted()
    update(world, V1)
    world.readings = against(FAILING)
    world.run(15)
    assert phase(world) is Phase.ROLLED_BACK
    world.readings = against(good())
    say(world, "retry/1")
    world.run(15)
    assert candidate(world).weight <= 10


def test_what_a_person_rolled_back_from_takes_its_steps() -> None:
    world = promoted()
    say(world, "rollback/1")
    assert stable(world) == R1
    update(world, V3)
    update(world, V2)
    world.run(15)
    assert candidate(world).weight <= 10


def test_one_pod_of_what_was_rejected_is_kept_to_look_at() -> None:
    overrides = rollout(keepRejected="1h")
    world = rolling(50, replicas=10, **overrides)
    world.readings = against(FAILING)
    world.run(60)
    assert world.traffic == {R1: 100}
    assert len(world.pods[R2]) == 1
    world.run(3500)
    assert len(world.pods[R2]) == 1
    world.run(120)
    assert R2 not in world.pods


def test_what_is_kept_to_look_at_goes_when_the_next_version_comes() -> None:
    overrides = rollout(keepRejected="1h") | REPLICAS_ROUTER
    world = rolling(50, **overrides)
    world.readings = against(FAILING)
    world.run(60)
    world.readings = against(good())
    update(world, V3, **overrides)
    run_until_weight(world, 10)
    assert R2 not in world.pods


def test_without_keep_rejected_nothing_is_kept() -> None:
    world = serving()
    update(world, V2)
    world.run(15)
    world.readings = against(FAILING)
    world.run(60)
    assert set(world.pods) == {R1}
