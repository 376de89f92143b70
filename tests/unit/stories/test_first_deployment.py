"""First deployments, driven through `decide`: nothing serves yet, and nobody is compared with."""

import pytest

from tests.unit.scenes import R1, R2, V2, lose_pod, phase, reasons, run_until_weight, stable, update
from tests.unit.world import World
from transit_operator.api.status import Phase
from transit_operator.core.observed import Pod


def test_a_first_deployment_goes_straight_to_stable_once_all_pods_are_ready() -> None:
    world = World(broken={R1})
    world.settle()
    assert phase(world) is Phase.PENDING
    for _ in range(2):
        first = world.pods[R1]
        at = next(i for i, pod in enumerate(first) if not pod.ready)
        world.pods[R1] = (*first[:at], Pod(first[at].name, ready=True), *first[at + 1 :])
        world.settle()
        assert phase(world) is Phase.PENDING, "not all pods are ready"
    world.recover(R1)
    world.settle()
    assert phase(world) is Phase.STABLE
    assert world.traffic == {R1: 100}
    assert reasons(world) == ["Created", "Healthy"]


def test_a_first_deployment_that_never_serves_has_failed_and_says_why() -> None:
    world = World(broken={R1})
    world.settle()
    pods = tuple(Pod(p.name, ready=False, problem="ErrImagePull: no such") for p in world.pods[R1])
    world.pods[R1] = pods
    world.run(55)
    assert phase(world) is Phase.PENDING
    world.run(10)
    assert phase(world) is Phase.FAILED
    assert "ErrImagePull: no such" in (world.status.message or "")
    world.recover(R1)
    world.settle()
    assert phase(world) is Phase.STABLE


def test_a_first_deployment_of_which_some_pods_serve_has_not_failed() -> None:
    world = World(broken={R1})
    world.settle()
    for index in range(2):
        pods = list(world.pods[R1])
        pods[index] = Pod(pods[index].name, ready=True)
        world.pods[R1] = tuple(pods)
    world.run(300)
    assert phase(world) is not Phase.FAILED, "Failed means that nothing serves"


def test_a_first_deployment_that_served_in_part_is_the_stable_for_what_comes_next() -> None:
    world = World()
    world.reconcile()
    lose_pod(world, R1)
    world.settle()
    assert phase(world) is Phase.PENDING
    update(world, V2)
    assert world.traffic == {R1: 100}
    assert stable(world) == R1
    run_until_weight(world, 10)
    assert world.traffic == {R1: 90, R2: 10}, "it is tried like any other"


def test_a_first_deployment_that_never_served_is_replaced_at_once() -> None:
    world = World(broken={R1})
    world.settle()
    update(world, V2)
    world.run(15)
    assert world.traffic == {R2: 100}
    assert set(world.pods) == {R2}
    assert reasons(world) == ["Created", "Replaced", "Healthy"]


@pytest.mark.parametrize("ready", [1, 2])
def test_a_first_deployment_with_fewer_pods_than_asked_is_stable_after_the_deadline(
    ready: int,
) -> None:
    world = World(slow=True)
    world.settle()
    world.start(R1, ready)
    world.run(55)
    assert phase(world) is Phase.PENDING
    world.run(10)
    assert phase(world) is Phase.STABLE
    assert f"{ready} of 3 pods ready" in str(world.status.message)
    degraded = next(c for c in world.status.conditions if c.type == "Ready")
    assert (degraded.status, degraded.reason) == ("True", "Degraded")
    world.slow = False
    update(world, V2)
    assert world.traffic == {R1: 100}, "never a blind 100 %"
    run_until_weight(world, 10)
