"""How traffic returns to the stable, and the safety net under pods that die."""

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    against,
    lose_pod,
    lose_pods,
    phase,
    rejected,
    rolling,
    rollout,
)
from transit_operator.api.status import Phase
from transit_operator.core.observed import Pod, Readings


@pytest.mark.parametrize("weight", [10, 50])
def test_below_a_hundred_percent_traffic_is_back_at_once_though_a_stable_pod_is_not_ready(
    weight: int,
) -> None:
    world = rolling(weight)
    lose_pod(world, R1)
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}


def test_a_crash_loop_while_a_stable_pod_is_not_ready_is_cut_within_three_evaluations() -> None:
    world = rolling(50)
    lose_pod(world, R1)
    for _ in range(3):
        world.crash(R2)
        world.run(15)
    assert world.traffic == {R1: 100}
    assert rejected(world).reason == "Health"


def test_in_the_last_hold_traffic_returns_as_fast_as_the_standbys_pods_can_carry() -> None:
    world = rolling(100, **rollout(steps=[{"weight": 100, "hold": "24h"}]))
    world.run(20 * 3600, step=15)
    assert len(world.pods[R1]) == 2
    world.broken.add(R1)  # new pods of the standby take their time
    lose_pod(world, R1)
    world.readings = Readings(candidate=FAILING)
    world.run(15, step=15)
    assert phase(world) is Phase.ROLLING_BACK
    assert len(world.pods[R1]) == 3
    assert world.traffic == {R1: 33, R2: 67}
    assert len(world.pods[R2]) == 3, "it still carries traffic"
    world.run(40)
    assert world.traffic == {R1: 33, R2: 67}
    for ready, traffic in ((2, {R1: 66, R2: 34}), (3, {R1: 100})):
        pods = tuple(Pod(f"{R1}-{n}", ready=n < ready) for n in range(3))
        world.pods[R1] = pods
        world.settle()
        assert world.traffic == traffic
    assert phase(world) is Phase.ROLLED_BACK


def test_a_returning_share_never_shrinks_while_the_standby_can_answer() -> None:
    world = rolling(100)
    world.run(20)
    world.broken.add(R1)
    world.readings = Readings(candidate=FAILING)
    world.run(15)
    assert world.traffic == {R1: 66, R2: 34}
    lose_pod(world, R1)
    world.settle()
    assert world.traffic == {R1: 66, R2: 34}


def test_a_rollback_to_a_standby_without_ready_pods_waits_for_the_first() -> None:
    world = rolling(100)
    world.run(20)
    lose_pods(world, R1)
    world.broken.add(R1)
    world.readings = Readings(candidate=FAILING)
    world.run(60)
    assert world.traffic == {R2: 100}, "bad answers are better than none"
    assert phase(world) is Phase.ROLLING_BACK
    world.pods[R1] = (Pod(f"{R1}-0", ready=True), *world.pods[R1][1:])
    world.settle()
    assert world.traffic == {R1: 33, R2: 67}


@pytest.mark.parametrize("weight", [10, 50, 100])
def test_a_candidate_without_ready_pods_gets_no_traffic_while_stable_has_some(weight: int) -> None:
    world = rolling(weight)
    lose_pods(world, R2)
    world.settle()
    assert world.traffic == {R1: 100}
    world.recover(R2)
    world.settle()
    assert world.traffic.get(R2) == weight


@pytest.mark.parametrize("weight", [10, 50])
def test_a_stable_without_ready_pods_gets_no_traffic_while_the_candidate_has_some(
    weight: int,
) -> None:
    world = rolling(weight)
    lose_pods(world, R1)
    world.settle()
    assert world.traffic == {R2: 100}
    world.recover(R1)
    world.settle()
    assert world.traffic == {R1: 100 - weight, R2: weight}


def test_with_no_ready_pod_anywhere_the_plan_stands_and_the_phase_is_failed() -> None:
    world = rolling(50)
    world.broken = {R1, R2}
    lose_pods(world, R1)
    lose_pods(world, R2)
    world.settle()
    assert world.traffic == {R1: 50, R2: 50}
    assert phase(world) is Phase.FAILED
