"""After a rollback: the same spec, a new one, the stable one, the rejected one again."""

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
    phase,
    rejected,
    rolling,
    run_until_weight,
    stable,
    update,
)
from tests.unit.world import good
from transit_operator.api.status import Phase


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
    run_until_weight(world, 10)
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
