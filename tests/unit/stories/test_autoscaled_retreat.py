"""A way back with autoscaling: what carries the load sets the pace, whatever write got lost."""

from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    V2,
    against,
    lose_pods,
    run_until_weight,
    serving,
    update,
)
from tests.unit.world import World
from transit_operator.core.decide import decide

SCALED: dict[str, Any] = {"replicas": None, "autoscaling": {"min": 2, "max": 10}}


def turning_back() -> World:
    """Given 8 pods by load at 100 % and a standby of 4, the moment after the candidate failed.

    Of the standby's further pods none is ready yet.
    """
    world = serving(**SCALED)
    world.autoscale(R1, 8)
    world.settle()
    update(world, V2, **SCALED)
    run_until_weight(world, 100)
    world.run(15)
    world.autoscale(R1, 4)
    world.broken.add(R1)
    world.readings = against(FAILING)
    while world.status.retreat is None:
        world.now += 1
        world.reconcile()
    return world


def test_a_write_of_pods_that_got_lost_after_the_traffic_moved_is_made_up_for() -> None:
    """Half of the traffic is on its way back; the operator ended before it raised the pods."""
    world = turning_back()
    assert world.traffic == {R1: 50, R2: 50}
    world.pods[R1] = world.pods[R1][:4]
    decision = decide(world.observed())
    assert decision.replicas[R1] == 8
    assert decision.weights == {R1: 50, R2: 50}, "4 of the 8 pods that are needed"


@pytest.mark.parametrize(
    ("pods", "share"),
    [pytest.param(8, 50, id="as before"), pytest.param(10, 50, id="more, what was given stays")],
)  # fmt: skip
def test_a_scale_event_on_the_way_back_takes_nothing_from_the_stable(pods: int, share: int) -> None:
    world = turning_back()
    world.autoscale(R2, pods)
    world.settle()
    assert world.traffic == {R1: share, R2: 100 - share}
    world.recover(R1)
    world.settle()
    world.recover(R1)
    world.settle()
    assert world.traffic == {R1: 100}


def test_a_standby_that_gets_a_dead_candidates_traffic_grows_to_what_that_one_had() -> None:
    """At 100 % with 8 pods and a standby of 4 the candidate dies: the load is still that of 8."""
    world = serving(**SCALED)
    world.autoscale(R1, 8)
    world.settle()
    update(world, V2, **SCALED)
    run_until_weight(world, 100)
    world.run(15)
    world.autoscale(R1, 4)
    lose_pods(world, R2)
    world.settle()
    assert world.traffic == {R1: 100}
    assert len(world.pods[R1]) == 8
