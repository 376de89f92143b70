"""What the first share waits for: nobody gets traffic while nobody would see it fail."""

from typing import Any

import pytest

from tests.unit.scenes import (
    R1,
    R2,
    R3,
    REPLICAS_ROUTER,
    UNREACHABLE,
    UNTRIED,
    V2,
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
    update,
)
from tests.unit.world import World, good
from transit_operator.api.status import Phase, RejectReason
from transit_operator.core.observed import Pod, Readings

UNSEEN = Readings(stable=good())
IMPATIENT = {"noData": {"policy": "Rollback", "after": "60s"}, "window": "60s"}


def unseen(readings: Readings, **overrides: Any) -> World:
    """Return a world with a candidate whose pods are ready, for a minute already."""
    world = serving(**overrides)
    world.readings = readings
    update(world, V2, **overrides)
    world.run(60)
    return world


@pytest.mark.parametrize(
    ("readings", "reason", "says"),
    [
        (UNSEEN, "NoSeries", "has not measured the candidate's pods twice yet"),
        (UNREACHABLE, "PrometheusUnreachable", "Prometheus can't be reached"),
    ],
)
def test_a_candidate_that_prometheus_does_not_see_gets_nothing_and_is_told_why(
    readings: Readings, reason: str, says: str
) -> None:
    world = unseen(readings)
    assert world.traffic == {R1: 100}
    assert candidate(world).step == 0
    assert world.status.message is not None
    assert "1 of 1 pods ready, waiting for Prometheus to see them" in world.status.message
    assert says in world.status.message
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert (metrics.status, metrics.reason) == ("False", reason)


def test_it_gets_the_first_share_in_the_evaluation_that_sees_it() -> None:
    world = unseen(UNSEEN)
    world.readings = against(UNTRIED)
    world.now += 1
    world.settle()
    assert candidate(world).weight == 0, "between two evaluations nothing is seen"
    world.run(15)
    assert candidate(world).weight == 10
    assert candidate(world).blind_since is None


def test_waiting_to_be_seen_is_no_waiting_for_pods() -> None:
    world = unseen(UNSEEN, **rollout(progressDeadline="30s"))
    world.run(600)
    assert phase(world) is Phase.PROGRESSING


def test_waiting_to_be_seen_counts_as_blind_time() -> None:
    world = unseen(UNSEEN, **rollout(analysis=IMPATIENT))
    assert world.status.rejected is None
    world.run(30)
    assert rejected(world).reason is RejectReason.NO_DATA
    assert phase(world) is Phase.ROLLED_BACK
    assert last(world, "Rejected").weight == 0


def test_pods_that_are_not_ready_are_not_blamed_on_prometheus() -> None:
    world = unseen(UNREACHABLE)
    name = candidate(world).revision
    world.crash(name)
    world.run(15)
    assert world.status.signals == []
    assert world.status.message == "waiting for pods, 0 of 1 ready"


def test_paused_pods_wait_for_nobody() -> None:
    world = unseen(UNREACHABLE)
    say(world, "pause/1")
    world.run(15)
    assert world.status.message is not None
    assert world.status.message.startswith("1 of 1 pods ready; ")
    assert world.status.message.endswith("; paused")


@pytest.mark.parametrize(("verb", "weight"), [("promote", 10), ("promote-full", 100)])
def test_a_person_may_give_the_first_share_unseen(verb: str, weight: int) -> None:
    world = unseen(UNREACHABLE)
    say(world, f"{verb}/1")
    assert world.traffic.get(R2) == weight


def test_an_abort_needs_no_prometheus() -> None:
    world = unseen(UNREACHABLE)
    say(world, "abort/1")
    assert phase(world) is Phase.ROLLED_BACK
    assert "StepReached" not in reasons(world)


def test_a_first_step_without_traffic_is_taken_unseen_but_its_clock_stands_still() -> None:
    steps = [{"weight": 0, "hold": "30s"}, {"weight": 100, "hold": "30s"}]
    world = unseen(UNSEEN, **rollout(steps=steps))
    assert candidate(world).step == 1
    assert candidate(world).held_seconds == 0
    world.readings = against(UNTRIED)
    run_until_weight(world, 100)


def test_pods_that_answer_all_wait_until_earlier_revisions_are_gone() -> None:
    """With the router `replicas`, the first share opens the Service to every pod there is."""
    world = serving(**REPLICAS_ROUTER)
    update(world, V2, **REPLICAS_ROUTER)
    world.pods[R3] = (Pod(f"{R3}-0", ready=True),)
    world.reconcile()
    world.pods[R3] = (Pod(f"{R3}-0", ready=True),)  # not ended yet
    world.now += 15
    world.reconcile()
    assert candidate(world).weight == 0
    says = "1 of 1 pods ready, waiting until the pods of earlier revisions are gone"
    assert says in str(world.status.message)
    world.run(30)
    assert candidate(world).weight > 0


def test_a_later_weight_that_waits_for_data_is_not_said_to_wait_for_pods() -> None:
    world = rolling(10)
    world.broken.add(R2)  # the pods of the next step
    run_until_waiting(world)
    assert "waiting for pods, 1 of 2 ready" in str(world.status.message)
    world.readings = UNREACHABLE
    world.run(15)
    world.broken.clear()
    world.recover(R2)
    world.run(15)
    assert candidate(world).weight == 10
    assert "; 2 of 2 pods ready; no data for errorRate: " in str(world.status.message)


def run_until_waiting(world: World) -> None:
    """Let time pass until the candidate waits for pods; fails after ten minutes."""
    for _ in range(120):
        if candidate(world).waiting_since is not None:
            return
        world.run(5)
    raise AssertionError("the candidate never waits")
