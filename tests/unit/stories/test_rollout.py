"""Whole rollouts, driven through `decide`: steps, holds, the end.

Neighbours: `test_first_deployment` is how it begins, `test_newer_spec` what comes between.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.measured import without
from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    R3,
    REPLICAS_ROUTER,
    UNREACHABLE,
    UNTRIED,
    V1,
    V2,
    V3,
    against,
    candidate,
    last,
    lose_pods,
    phase,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import STEPS, good, spec
from transit_operator.api.duration import seconds
from transit_operator.api.status import Phase
from transit_operator.core.observed import Readings
from transit_operator.core.plan.reached import reached
from transit_operator.core.state import Trying
from transit_operator.core.times import epoch

SETTLE = 2.0  # seconds: traffic.settle
ROUTERS = [pytest.param({}, id="gateway"), pytest.param(REPLICAS_ROUTER, id="replicas")]


@pytest.mark.parametrize("router", ROUTERS)
def test_a_good_candidate_takes_exactly_the_specs_steps_each_at_least_its_hold(
    router: dict[str, Any],
) -> None:
    world = serving(**router)
    update(world, V2, **router)
    world.run(300)
    assert phase(world) is Phase.STABLE
    assert stable(world) == R2
    taken = [t for t in world.status.history if t.reason == "StepReached"]
    assert [t.weight for t in taken] == [10, 50, 100]
    times = [epoch(t.time) for t in taken] + [epoch(last(world, "Promoted").time)]
    for step, begin, end in zip(STEPS, times, times[1:], strict=False):
        hold = seconds(str(step["hold"]))
        assert hold <= end - begin <= hold + 30, "at least its hold, at most two intervals more"


def test_promotion_moves_no_traffic_and_restarts_no_pod() -> None:
    world = rolling(100)
    pods = world.pods[R2]
    world.run(120)
    assert stable(world) == R2
    assert world.status.candidate is None
    assert world.pods[R2] == pods
    assert world.traffic == {R2: 100}
    assert world.status.previous is not None
    assert world.status.previous.revision == R1


def test_the_standby_stays_through_the_last_hold_and_then_goes() -> None:
    world = rolling(100)
    assert len(world.pods[R1]) == 3, "all pods until the traffic has left them"
    world.run(20)
    assert phase(world) is Phase.BAKING
    assert len(world.pods[R1]) == 2
    world.run(120)
    assert set(world.pods) == {R2}


@pytest.mark.parametrize("router", ROUTERS)
def test_pods_come_up_before_the_traffic_does(router: dict[str, Any]) -> None:
    world = serving(**router)
    world.broken.add(R2)
    update(world, V2, **router)
    world.run(30)
    assert world.traffic == {R1: 100}
    assert candidate(world).step == 0
    assert "waiting for pods, 0 of 1 ready" in (world.status.message or "")
    world.broken.clear()
    world.recover(R2)
    world.run(15)
    assert candidate(world).weight == 10


def test_a_hold_of_zero_still_takes_an_evaluation_with_data() -> None:
    steps = [{"weight": 10, "hold": "0s"}, {"weight": 100, "hold": "0s"}]
    world = rolling(10, **rollout(steps=steps))
    world.readings = UNREACHABLE
    world.run(300)
    assert candidate(world).weight == 10
    world.readings = against(good())
    world.run(60)
    assert stable(world) == R2


def test_a_step_of_weight_zero_is_judged_by_health_alone() -> None:
    steps = [{"weight": 0, "hold": "30s"}, {"weight": 100, "hold": "30s"}]
    world = serving(**rollout(steps=steps))
    world.readings = against(UNTRIED)
    update(world, V2, **rollout(steps=steps))
    assert candidate(world).step == 1
    assert world.traffic == {R1: 100}
    run_until_weight(world, 100)


def test_no_data_holds_the_clock_and_says_so() -> None:
    world = rolling(10)
    world.run(15)
    held = candidate(world).held_seconds
    assert held > 0
    world.readings = UNREACHABLE
    world.run(3600)
    assert candidate(world).weight == 10
    assert candidate(world).held_seconds == held
    assert phase(world) is Phase.PROGRESSING
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert metrics.status == "False"
    assert "can't be reached" in metrics.message
    assert "no data for errorRate" in (world.status.message or "")


def test_the_first_evaluation_that_sees_again_counts_no_blind_time() -> None:
    world = rolling(10)
    world.readings = UNREACHABLE
    world.run(300)
    world.readings = against(good())
    world.run(15)
    assert candidate(world).held_seconds == 0
    world.run(15)
    assert candidate(world).held_seconds == 15
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert metrics.status == "True"


def test_an_operator_that_was_away_for_an_hour_did_not_watch_for_an_hour() -> None:
    world = rolling(10)
    world.now += 3600
    world.settle()
    assert candidate(world).weight == 10
    assert candidate(world).held_seconds <= 1.5 * 15


def test_a_restarted_operator_keeps_the_time_that_was_held() -> None:
    world = rolling(100)
    world.run(30)
    held = candidate(world).held_seconds
    written = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    world.status = type(world.status).model_validate(written)
    world.run(15)
    assert candidate(world).held_seconds == held + 15


def test_a_weight_that_is_not_given_yet_is_not_reached() -> None:
    world = rolling(50)
    assert world.status.stable is not None
    state = Trying(world.status.stable, candidate(world))
    assert reached(world.observed(), world.spec, state)
    world.traffic = {R1: 90, R2: 10}
    assert not reached(world.observed(), world.spec, state)


def test_a_dead_stable_does_not_stop_the_clock_of_its_fix() -> None:
    world = rolling(50)
    lose_pods(world, R1)  # everything goes to the candidate, more than the step says
    world.run(15)
    assert world.traffic == {R2: 100}
    assert candidate(world).held_seconds == 15


@pytest.mark.parametrize("weight", [10, 50])
def test_evaluations_fall_on_multiples_of_the_interval(weight: int) -> None:
    world = rolling(weight)
    world.now += 7.3
    decision = world.reconcile()
    assert decision.wake_at is not None
    assert decision.wake_at % 15 == 0
    assert world.now < decision.wake_at <= world.now + 15


def test_suspend_takes_no_step_and_starts_nothing_but_still_rolls_back() -> None:
    world = rolling(10)
    update(world, V2, suspend=True)
    world.run(600)
    assert candidate(world).weight == 10
    assert phase(world) is Phase.PAUSED
    assert "suspended by the spec" in (world.status.message or "")
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK
    update(world, V3, suspend=True)
    world.run(600)
    assert world.status.candidate is None
    world.readings = against(good())
    update(world, V3)
    assert candidate(world).revision == R3


def test_the_baseline_before_the_shift_is_kept_for_the_last_hold() -> None:
    world = rolling(100)
    kept = candidate(world).baseline
    assert kept is not None
    assert kept.latency == 0.010
    world.readings = Readings(candidate=good(p95=0.0201))
    world.run(15)
    assert world.status.rejected is not None
    assert world.status.rejected.reason == "Latency"


def test_a_failed_query_does_not_empty_the_kept_classes() -> None:
    world = rolling(50)
    world.run(15)
    down = {"classes": UNREACHABLE.problems["classes"]}
    without_classes = without(good(), "classes")
    world.readings = Readings(candidate=good(), stable=without_classes, problems=down)
    world.run(15)
    say(world, "promote/despite-it")
    assert candidate(world).weight == 100
    world.readings = Readings(candidate=good())
    world.run(120)
    assert stable(world) == R2, world.status.message


def test_the_next_step_waits_for_its_pods_as_the_spec_now_says() -> None:
    world = rolling(10)
    world.broken.add(R2)
    world.run(40)
    assert candidate(world).weight == 10
    assert candidate(world).waiting_since is not None
    assert len(world.pods[R2]) == 2
    world.recover(R2)
    world.settle()
    assert candidate(world).weight == 50


def test_a_change_of_the_router_is_no_outage() -> None:
    world = serving(**REPLICAS_ROUTER)
    world.spec = spec(V1)
    world.traffic = {}  # there is no HTTPRoute yet: this very decision makes it
    world.reconcile()
    assert phase(world) is Phase.STABLE
    world.settle()
    assert world.traffic == {R1: 100}


def test_a_pod_gets_no_traffic_before_gateways_know_it() -> None:
    world = serving()
    world.spec = spec(V2)
    world.reconcile()
    world.pods[R2] = tuple(replace(pod, ready_since=world.now) for pod in world.pods[R2])
    decision = world.reconcile()
    assert candidate(world).weight == 0
    assert decision.wake_at is not None
    assert decision.wake_at <= world.now + SETTLE
    assert "1 of 1 pods ready, waiting until the gateways know them" in str(world.status.message)
    world.now += SETTLE
    world.run(15)
    assert candidate(world).weight == 10
