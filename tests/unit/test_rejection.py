"""What turns a candidate back, how traffic returns, and that it stays turned back."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    FLIPPED,
    R1,
    R2,
    R3,
    R4,
    REPLICAS_ROUTER,
    SLOW,
    UNREACHABLE,
    V1,
    V2,
    V3,
    V4,
    against,
    candidate,
    last,
    lose_pod,
    lose_pods,
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
from tests.unit.world import World, good
from transit_operator.api.status import Phase, Rejected
from transit_operator.core.observed import Pod, Readings

CUSTOM = rollout(analysis={"custom": [{"name": "cost", "query": "q", "max": 1}]})
IMPATIENT = rollout(analysis={"noData": {"policy": "Rollback", "after": "60s"}})
PAUSING = rollout(onFailure="Pause")


def rejected(world: World) -> Rejected:
    assert world.status.rejected is not None, world.status.message
    return world.status.rejected


@pytest.mark.parametrize("weight", [10, 50, 100])
@pytest.mark.parametrize(
    ("readings", "reason", "signal"),
    [
        pytest.param(against(FAILING), "ErrorRate", "errorRate", id="error rate"),
        pytest.param(against(SLOW), "Latency", "latency", id="latency"),
        pytest.param(against(FLIPPED), "Drift", "drift", id="drift"),
        pytest.param(
            replace(against(good()), custom={"cost": 2.0}), "Custom", "custom/cost", id="custom"
        ),
    ],
)
def test_one_failure_moves_traffic_back_in_the_same_evaluation(
    readings: Readings, reason: str, signal: str, weight: int
) -> None:
    world = serving(**CUSTOM)
    world.readings = replace(against(good()), custom={"cost": 0.0})
    update(world, V2, **CUSTOM)
    run_until_weight(world, weight)
    world.readings = readings if signal.startswith("custom") else replace(
        readings, custom={"cost": 0.0}
    )  # fmt: skip
    world.now = (world.now // 15 + 1) * 15
    world.reconcile()
    assert world.traffic == {R1: 100}, "at once"
    world.settle()
    assert phase(world) is Phase.ROLLED_BACK
    assert (rejected(world).revision, rejected(world).reason) == (R2, reason)
    evidence = rejected(world).evidence
    assert evidence is not None
    assert evidence.signal == signal
    assert evidence.value is not None
    assert last(world, "Rejected").evidence == [evidence]
    world.run(30)
    assert set(world.pods) == {R1}


def test_ten_failures_of_ten_are_enough() -> None:
    world = rolling(10)
    world.readings = against(good(predictions=10, errors=10))
    world.run(15)
    assert rejected(world).reason == "ErrorRate"


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param(against(good(p95=3), good(p95=3)), id="both slow alike"),
        pytest.param(against(good(predictions=3, errors=1)), id="one error in three requests"),
        pytest.param(against(good(p95=3), good(p95=0)), id="a baseline of zero"),
        pytest.param(Readings(), id="nothing at all"),
        pytest.param(UNREACHABLE, id="Prometheus is down"),
    ],
)
def test_no_rollback_for(readings: Readings) -> None:
    world = rolling(10)
    world.readings = readings
    world.run(3600)
    assert world.status.rejected is None


@pytest.mark.parametrize(
    ("evaluations", "turned_back"),
    [
        pytest.param("ffpffp", False, id="fail, fail, pass, fail, fail, pass never rolls back"),
        pytest.param("ffpffpffpffp", False, id="nor when it goes on like that"),
        pytest.param("fff", True, id="three in a row do"),
        pytest.param("ffpfff", True, id="three in a row do, later"),
        pytest.param("ff", False, id="two are not three"),
    ],
)
def test_health(evaluations: str, turned_back: bool) -> None:
    hold = rollout(steps=[{"weight": 10, "hold": "1h"}, {"weight": 100, "hold": "1h"}])
    world = rolling(10, **hold)
    for evaluation in evaluations:
        if evaluation == "f":
            lose_pod(world, R2)
        world.run(15)
        if R2 in world.pods:
            world.recover(R2)
    assert (world.status.rejected is not None) is turned_back
    if turned_back:
        assert rejected(world).reason == "Health"


def test_a_restart_counts_though_the_pod_is_ready_again() -> None:
    world = rolling(10)
    for _ in range(3):
        world.crash(R2)
        world.recover(R2)
        world.run(15)
    assert rejected(world).reason == "Health"
    assert "restarts" in rejected(world).message


def test_a_restart_of_long_ago_counts_once() -> None:
    world = rolling(10)
    world.crash(R2)
    world.recover(R2)
    world.run(300)
    assert world.status.rejected is None
    assert stable(world) == R2


@pytest.mark.parametrize("readings", [UNREACHABLE, Readings()], ids=["down", "empty"])
def test_health_counts_while_there_is_no_data(readings: Readings) -> None:
    world = rolling(50)
    world.readings = readings
    lose_pod(world, R2)
    world.run(45)
    assert rejected(world).reason == "Health"


def test_an_unhealthy_candidate_takes_no_step() -> None:
    world = rolling(10, **rollout(analysis={"health": {"consecutiveFailures": 100}}))
    lose_pod(world, R2)
    world.run(300)
    assert candidate(world).weight == 10
    assert candidate(world).held_seconds == 0


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


@pytest.mark.parametrize("router", [{}, REPLICAS_ROUTER], ids=["gateway", "replicas"])
def test_the_same_spec_after_a_rollback_does_not_loop(router: dict[str, Any]) -> None:
    world = rolling(50, **router)
    world.readings = against(FAILING)
    world.run(30)
    settled = world.status
    world.readings = against(good())
    for replicas in (3, 4, 3):  # GitOps applies it again, and people change other things
        update(world, V2, replicas=replicas, **router)
        world.run(600)
        assert world.traffic == {R1: 100}
        assert phase(world) is Phase.ROLLED_BACK
    assert world.status.history == settled.history


def test_a_new_version_after_a_rollback_starts_over_from_the_original_stable() -> None:
    world = rolling(50)
    world.readings = against(FAILING)
    world.run(15)
    update(world, V3)
    assert world.status.rejected is None
    assert stable(world) == R1
    assert candidate(world).revision == R3
    assert candidate(world).weight == 10
    world.run(15)
    assert rejected(world).revision == R3
    assert world.traffic == {R1: 100}, "never with the first rejected one"


def test_back_to_stable_after_a_rollback_is_stable() -> None:
    world = rolling(50)
    world.readings = against(FAILING)
    world.run(15)
    update(world, V1)
    assert phase(world) is Phase.STABLE
    assert world.status.rejected is None


def test_asking_for_another_and_then_again_for_the_rejected_one_tries_it_again() -> None:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(15)
    update(world, V1)
    world.readings = against(good())
    update(world, V2)
    assert candidate(world).revision == R2


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
    world.run(60)
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
    lose_pods(world, R1)
    lose_pods(world, R2)
    world.settle()
    assert world.traffic == {R1: 50, R2: 50}
    assert phase(world) is Phase.FAILED


def broken_stable() -> World:
    """1.0.0 was healthy and is not any more; there is nothing to measure it by."""
    world = serving()
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


def test_a_second_fix_of_a_broken_stable_waits_for_no_pod_of_it() -> None:
    world = broken_stable()
    update(world, V2)
    assert world.traffic == {R2: 100}
    update(world, V3)
    world.run(60)
    assert world.traffic == {R3: 100}, "2.0.0 can't be taken back to a stable that is dead"


def test_a_fix_of_a_rejected_fix_of_a_broken_stable_gets_its_turn() -> None:
    world = broken_stable()
    update(world, V2)
    world.readings = Readings(candidate=FAILING)
    world.run(15)
    assert rejected(world).revision == R2
    assert world.traffic == {R2: 100}, "bad answers are better than none"
    world.readings = Readings(candidate=good())
    update(world, V4)
    world.run(60)
    assert world.traffic == {R4: 100}
    say(world, "promote-full/1")
    assert stable(world) == R4
