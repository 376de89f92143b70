"""A spec that asks for another version while one is being tried, driven through `decide`."""

import pytest

from tests.unit.scenes import (
    R1,
    R2,
    R3,
    V1,
    V2,
    V3,
    V4,
    candidate,
    phase,
    reasons,
    rolling,
    run_until_weight,
    serving,
    stable,
    update,
)
from tests.unit.world import spec
from transit_operator.api.status import Phase


def test_a_newer_spec_takes_the_old_candidate_to_zero_before_the_new_one_starts() -> None:
    world = rolling(50)
    world.spec = spec(V3)
    seen = []
    for _ in range(6):
        world.reconcile()
        seen.append(dict(world.traffic))
        assert not (R2 in world.traffic and R3 in world.traffic), "never both"
    assert seen[0] == {R1: 100}
    assert candidate(world).revision == R3
    assert stable(world) == R1
    run_until_weight(world, 10)
    assert candidate(world).step == 1
    assert "Superseded" in reasons(world)


def test_a_newer_spec_during_the_last_hold_starts_over_from_the_original_stable() -> None:
    world = rolling(100)
    world.run(20)
    update(world, V3)
    world.run(30)
    assert stable(world) == R1
    assert candidate(world).revision == R3
    assert candidate(world).weight <= 10
    assert R2 not in world.traffic


def test_of_many_versions_at_once_only_the_last_is_tried() -> None:
    world = serving()
    for version in (V2, V3, "5.0.0", "6.0.0", V4):
        world.spec = spec(version)
        world.now += 2
        world.reconcile()
    world.run(60)
    assert candidate(world).revision in world.traffic
    assert set(world.pods) == {R1, candidate(world).revision}, "no orphans"
    assert candidate(world).models[0].version == V4


@pytest.mark.parametrize("weight", [10, 50, 100])
def test_back_to_the_stable_spec_is_stable_at_once(weight: int) -> None:
    world = rolling(weight)
    update(world, V1)
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.STABLE
    assert world.status.rejected is None
    world.run(30)
    assert set(world.pods) == {R1}


def test_a_revision_tried_again_while_traffic_still_leaves_it_keeps_its_pods() -> None:
    world = rolling(100)
    world.run(20)
    world.broken.add(R1)  # so that the standby can't grow, and the traffic returns slowly
    update(world, V1)
    assert world.traffic == {R1: 66, R2: 34}
    update(world, V2)
    assert world.traffic[R2] == 34
    assert len(world.pods[R2]) == 3, "scaled down under its traffic"
