"""Autoscaling: today's load is what counts, and a scale event is no step."""

from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    REPLICAS_ROUTER,
    V2,
    against,
    candidate,
    rolling,
    rollout,
    run_until_weight,
    serving,
    stable,
    update,
)
from tests.unit.world import World
from transit_operator.core.decide import decide

SCALED: dict[str, Any] = {"replicas": None, "autoscaling": {"min": 2, "max": 10}}


def busy(pods: int = 8, **overrides: Any) -> World:
    """A stable version that its autoscaler has brought to so many pods."""
    world = serving(**SCALED, **overrides)
    world.autoscale(R1, pods)
    world.settle()
    return world


def test_the_first_revision_begins_with_the_minimum() -> None:
    assert len(serving(**SCALED).pods[R1]) == 2


@pytest.mark.parametrize(
    ("weight", "pods"),
    [pytest.param(10, 1, id="a tenth of eight"), pytest.param(50, 4, id="half of eight"),
     pytest.param(100, 8, id="all of them")],
)  # fmt: skip
def test_the_candidate_gets_its_share_of_the_pods_that_carry_the_load(
    weight: int, pods: int
) -> None:
    world = busy()
    update(world, V2, **SCALED)
    run_until_weight(world, weight)
    assert len(world.pods[R2]) == pods
    assert decide(world.observed()).limits[R2] == 10


def test_the_stable_keeps_its_size_below_100_percent_whatever_its_load() -> None:
    world = busy()
    update(world, V2, **SCALED)
    run_until_weight(world, 50)
    world.autoscale(R1, 3)  # half the traffic is gone, the autoscaler would like to save
    decision = decide(world.observed())
    assert decision.replicas[R1] >= 3
    world.settle()
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}


def test_at_100_percent_the_autoscaler_is_free_again_and_a_smaller_candidate_is_healthy() -> None:
    world = busy()
    steps = [{"weight": 10, "hold": "30s"}, {"weight": 100, "hold": "500s"}]
    update(world, V2, **SCALED, **rollout(steps=steps))
    run_until_weight(world, 100)
    world.run(290)
    assert decide(world.observed()).replicas[R2] == 8, "its figures are still of half the load"
    world.run(15)
    assert decide(world.observed()).replicas[R2] == 2, "down to the minimum, if the load allows it"
    world.autoscale(R2, 3)
    world.run(30)
    assert candidate(world).health_failures == 0
    world.run(300)
    assert stable(world) == R2


def test_the_standby_is_half_of_what_carries_the_load_now() -> None:
    world = busy()
    update(world, V2, **SCALED)
    run_until_weight(world, 100)
    world.run(15)
    world.autoscale(R2, 10)
    world.settle()
    assert decide(world.observed()).replicas[R1] == 5


def test_a_rollback_from_100_percent_waits_for_as_many_pods_as_carried_the_load() -> None:
    world = busy()
    update(world, V2, **SCALED)
    run_until_weight(world, 100)
    world.run(15)
    world.autoscale(R1, 4)
    world.broken.add(R1)  # its further pods take their time
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 50, R2: 50}, "4 of the 8 pods that are needed"
    world.recover(R1)
    world.settle()
    assert world.traffic == {R1: 100}


@pytest.mark.parametrize("revision", [R1, R2])
@pytest.mark.parametrize("pods", [2, 5, 10])
def test_a_scale_event_moves_no_weight(revision: str, pods: int) -> None:
    world = busy()
    update(world, V2, **SCALED)
    run_until_weight(world, 50)
    before = candidate(world)
    world.autoscale(revision, pods)
    world.settle()
    assert world.traffic == {R1: 50, R2: 50}
    assert candidate(world).step == before.step


def test_by_pod_counts_a_hungry_candidate_gets_no_more_traffic_for_it() -> None:
    world = busy(**REPLICAS_ROUTER)
    update(world, V2, **SCALED, **REPLICAS_ROUTER)
    run_until_weight(world, 10)
    decision = decide(world.observed())
    assert decision.limits[R2] == decision.replicas[R2] == 1
    assert decision.limits[R1] == 10
    run_until_weight(world, 100)
    assert decide(world.observed()).limits[R2] == 10


def test_handing_pods_to_an_autoscaler_and_back_keeps_the_pods() -> None:
    world = rolling(50, replicas=6)
    assert len(world.pods[R1]) == 6
    update(world, V2, **SCALED)
    assert (len(world.pods[R1]), candidate(world).weight) == (6, 50)
    world.run(15)  # nothing shrinks while it drains
    update(world, V2, replicas=4)
    assert (len(world.pods[R1]), candidate(world).weight) == (4, 50)


@pytest.mark.parametrize("pods", [2, 8, 10])
def test_shared_capacity_that_came_through_with_autoscaling_is_full(pods: int) -> None:
    """Refused at apply: an autoscaler's number is nothing to be shared."""
    both = {**SCALED, **rollout(capacity="Shared")}
    world = serving(**both)
    world.autoscale(R1, pods)
    world.settle()
    update(world, V2, **both)
    for _ in range(60):
        world.run(5)
        if world.traffic.get(R1):
            assert len(world.pods[R1]) == pods, "the stable keeps its pods while it has traffic"
    assert stable(world) == R2, world.status.message
    assert world.traffic == {R2: 100}
