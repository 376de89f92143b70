"""Times that do not go together: a drain longer than a deadline, no patience for data.

None of them may turn a good version back, nor send everything to too few pods. What makes no sense
at all is refused at apply: `tests/api/resources`. Neighbour: `test_patience`.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    UNREACHABLE,
    UNTRIED,
    V2,
    V3,
    against,
    candidate,
    last,
    lose_pod,
    phase,
    reasons,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    serving,
    stable,
    update,
)
from tests.unit.world import NO_ROOM, World, good
from transit_operator.api.status import Phase
from transit_operator.core.observed import Pod, Readings

TEN: dict[str, Any] = {"replicas": 10}
AT_ONCE = [{"weight": 100, "hold": "24h"}]
UNSEEN = Readings(stable=good())


def by_gateway(**times: str) -> dict[str, Any]:
    gateway = {"parentRefs": [{"name": "public"}]}
    return {"traffic": {"router": "gateway", "gateway": gateway, **times}}


LONG_DRAIN = by_gateway(drain="90s")  # the deadline is 60s


def test_a_drain_longer_than_the_deadline_stops_no_shared_rollout() -> None:
    asked = TEN | LONG_DRAIN | rollout(capacity="Shared")
    world = serving(**asked)
    update(world, V2, **asked)
    world.run(1200)
    assert world.status.rejected is None
    assert stable(world) == R2


def test_a_shared_rollout_that_hangs_is_turned_back_after_drain_and_deadline() -> None:
    world = rolling(10, **TEN, **LONG_DRAIN, **rollout(capacity="Shared"))
    world.broken.add(R2)
    run_until_weight(world, 50)
    world.run(140)
    assert world.status.rejected is None
    world.run(200)
    assert rejected(world).reason == "NotReady"


def test_a_drain_longer_than_the_deadline_is_no_rollback_that_hangs() -> None:
    """The stable's pods need the room that what is being left gives free after it."""
    world = rolling(100, **TEN, **LONG_DRAIN, **rollout(steps=AT_ONCE))
    world.run(200)
    world.nodes = 15
    world.readings = against(FAILING)
    while world.traffic.get(R1) != 100:
        world.run(5)
        assert phase(world) in (Phase.BAKING, Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    assert "RollbackStalled" not in reasons(world)
    assert sum(pod.ready for pod in world.pods[R1]) == 10


def test_a_rollback_with_autoscaling_frees_the_room_that_it_needs_as_soon_as_it_can() -> None:
    """Not after the five minutes for which an autoscaler remembers the load."""
    scaled: dict[str, Any] = {"replicas": None, "autoscaling": {"min": 2, "max": 20}}
    asked = scaled | rollout(steps=AT_ONCE, progressDeadline="10m")
    world = serving(**asked)
    world.autoscale(R1, 10)
    world.settle()
    update(world, V2, **asked)
    run_until_weight(world, 100)
    world.run(400)
    world.autoscale(R1, 5)
    world.settle()
    world.nodes = 15
    world.readings = against(FAILING)
    world.run(30)
    assert world.traffic == {R1: 100}
    assert len(world.pods[R1]) == 10


def test_the_next_version_waits_for_room_that_still_drains() -> None:
    """Given nodes that are full, v2 with half of the traffic, and then v3 in its place."""
    world = rolling(50, **TEN, **LONG_DRAIN)
    world.nodes = 20
    update(world, V3, **TEN, **LONG_DRAIN)
    for _ in range(12):  # its pods find no room while those of v2 are still there
        world.run(5)
        name = candidate(world).revision
        world.pods[name] = tuple(Pod(p.name, False, problem=NO_ROOM) for p in world.pods[name])
    world.run(60)
    assert world.status.rejected is None
    assert candidate(world).weight > 0


def waiting_for_gateways() -> World:
    """At 10 %, with both pods of the next step ready, which gateways know in five minutes only."""
    asked = {"replicas": 4} | by_gateway(settle="5m")
    world = serving(**asked)
    world.skew = 0.001  # so that their readiness has a date
    update(world, V2, **asked)
    run_until_weight(world, 10)
    while len(world.pods[R2]) < 2:
        world.run(5)
    world.run(240)
    assert "waiting until the gateways know them" in str(world.status.message)
    return world


def test_waiting_for_gateways_is_no_waiting_for_pods() -> None:
    world = waiting_for_gateways()
    lose_pod(world, R2)
    world.settle()
    assert world.status.rejected is None, "it was lost just now"
    world.run(60)
    assert "NotReady: 1 of 2 pods ready after 1m" in last(world, "Rejected").message


def test_time_without_data_is_no_waiting_for_pods() -> None:
    """The pods of the next step were ready all the time that Prometheus was away."""
    world = rolling(10, replicas=4)
    world.broken.add(R2)
    while candidate(world).waiting_since is None:
        world.run(5)
    world.broken.clear()
    world.readings = UNREACHABLE
    world.run(15)
    world.recover(R2)
    world.run(3600, step=60)
    lose_pod(world, R2)
    world.readings = against(good())
    world.run(20)
    assert world.status.rejected is None


def test_waits_for_pods_add_up_at_later_steps_too() -> None:
    """A pod that is ready for a moment again and again has one deadline, not many."""
    world = rolling(10, replicas=4, **rollout(analysis={"health": None}))
    world.broken.add(R2)
    while candidate(world).waiting_since is None:
        world.run(5)
    world.readings = UNREACHABLE  # so that no step is taken in the moments when all are ready
    world.run(15)
    began = world.now
    while world.now < began + 300:
        world.recover(R2)
        world.run(5)
        lose_pod(world, R2)
        world.run(20)
    world.readings = against(good())
    world.run(20)
    assert rejected(world).reason == "NotReady"


@pytest.mark.parametrize("after", ["0s", "30s"])
def test_no_patience_for_data_leaves_prometheus_the_time_to_find_the_pods(after: str) -> None:
    policy = {"noData": {"policy": "Rollback", "after": after}, "window": "2m"}
    world = serving()
    world.readings = UNSEEN
    update(world, V2, **rollout(analysis=policy))
    world.run(100)
    assert world.status.rejected is None
    world.readings = against(UNTRIED)
    world.run(15)
    assert candidate(world).weight == 10


@pytest.mark.parametrize("after", ["0s", "1s", "29s"])
def test_no_patience_for_data_is_two_intervals(after: str) -> None:
    policy = {"noData": {"policy": "Rollback", "after": after}}
    world = serving()
    update(world, V2, **rollout(analysis=policy))
    world.readings = against(UNTRIED)
    world.run(15)
    assert candidate(world).weight == 10
    world.readings = UNREACHABLE
    world.run(20)
    assert world.status.rejected is None
    world.readings = against(good())
    world.run(30)
    assert world.status.rejected is None
    world.readings = UNREACHABLE
    world.run(60)
    assert rejected(world).reason == "NoData"


def test_pods_that_prometheus_never_finds_are_turned_back_after_a_window() -> None:
    policy = {"noData": {"policy": "Rollback", "after": "30s"}, "window": "40s"}
    world = serving()
    world.readings = UNSEEN
    update(world, V2, **rollout(analysis=policy))
    world.run(75)
    assert rejected(world).reason == "NoData"
    assert "is analysis.window, 40s, shorter than two scrapes?" in rejected(world).message


def test_a_prometheus_that_is_away_gets_no_more_patience_than_was_said() -> None:
    policy = {"noData": {"policy": "Rollback", "after": "30s"}}
    world = serving()
    world.readings = UNREACHABLE
    update(world, V2, **rollout(analysis=policy))
    world.run(60)
    assert rejected(world).reason == "NoData"


def test_a_clock_of_ready_pods_in_the_future_is_now() -> None:
    world = waiting_for_gateways()
    assert world.status.candidate is not None
    late = replace(world, status=world.status.model_copy(
        update={"candidate": world.status.candidate.model_copy(
            update={"ready_at": "2126-11-26T12:00:00Z"})}))  # fmt: skip
    lose_pod(late, R2)
    late.run(70)
    assert rejected(late).reason == "NotReady"
