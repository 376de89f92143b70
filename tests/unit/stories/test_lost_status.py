"""A status that was lost (restored from a backup, emptied by hand) is rebuilt from what serves."""

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
    last,
    lose_pod,
    lose_pods,
    phase,
    reasons,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import World, good, spec
from transit_operator.api.status import Phase

ROUTERS = [pytest.param({}, id="gateway"), pytest.param(REPLICAS_ROUTER, id="replicas")]


@pytest.mark.parametrize("weight", [10, 50])
def test_in_mid_rollout_the_candidate_goes_on_from_what_it_has(weight: int) -> None:
    world = rolling(weight)
    world.lose_status()
    world.settle()
    assert world.traffic == {R1: 100 - weight, R2: weight}
    assert stable(world) == R1
    assert (candidate(world).revision, candidate(world).weight) == (R2, weight)
    assert candidate(world).held_seconds == 0
    world.run(300)
    assert stable(world) == R2


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("weight", [10, 50, 100])
def test_nobody_gets_more_than_it_had(weight: int, router: dict[str, Any]) -> None:
    world = rolling(weight, **router)
    had = dict(world.traffic)
    world.lose_status()
    world.settle()
    assert world.traffic.get(R2, 0) <= had[R2]
    assert phase(world) in (Phase.PROGRESSING, Phase.BAKING)
    assert last(world, "StatusRecovered").revision == R1


@pytest.mark.parametrize("verb", ["promote", "promote-full", "rollback", "abort"])
def test_an_old_command_is_not_carried_out_again(verb: str) -> None:
    """The annotation stays on the resource; that it was handled is forgotten with the status."""
    world = serving()
    say(world, f"{verb}/1")
    update(world, V2)
    run_until_weight(world, 10)
    world.lose_status()
    world.settle()
    assert world.traffic == {R1: 90, R2: 10}
    assert candidate(world).forced is None
    say(world, "promote/2")
    assert world.traffic == {R1: 50, R2: 50}, "a new one is"


def test_a_share_between_two_steps_stays_as_it_is() -> None:
    """Else the other one would get the difference, and who knows what that is."""
    world = rolling(50)
    world.traffic = {R1: 70, R2: 30}
    world.lose_status()
    world.settle()
    assert world.traffic == {R1: 70, R2: 30}
    assert candidate(world).step == 1


@pytest.mark.parametrize("weight", [50, 100])
def test_an_earlier_version_that_is_tried_again_does_not_get_everything(weight: int) -> None:
    """It was there before the stable, but what runs of it was not."""
    world = rolling(100, **rollout(revertWithin="0s"))
    world.run(200)
    assert stable(world) == R2
    update(world, V1, **rollout(revertWithin="0s"))
    run_until_weight(world, weight)
    world.lose_status()
    world.settle()
    assert world.traffic.get(R1, 0) <= weight
    assert (stable(world), candidate(world).revision) == (R2, R1)


@pytest.mark.parametrize("weight", [10, 50])
def test_a_spec_that_was_taken_back_makes_no_stable_of_what_was_tried(weight: int) -> None:
    world = rolling(weight)
    world.lose_status()
    world.spec = spec(V1)
    world.settle()
    assert stable(world) == R1
    assert world.traffic == {R1: 100}


def test_a_lost_status_in_the_last_hold_still_watches() -> None:
    world = rolling(100)
    world.run(20)
    world.lose_status()
    world.settle()
    assert phase(world) is Phase.BAKING
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}


def test_a_candidate_that_a_failure_awaits_is_judged_again() -> None:
    world = rolling(50)
    world.lose_status()
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}
    assert rejected(world).reason == "ErrorRate"


@pytest.mark.parametrize("later", [0, 60])
def test_after_a_rollback_the_bad_one_gets_nothing(later: int) -> None:
    world = rolling(50)
    world.readings = against(FAILING)
    world.run(15)
    world.run(later)
    assert phase(world) is Phase.ROLLED_BACK
    world.readings = against(good())
    world.lose_status()
    world.run(300)
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK
    assert rejected(world).reason == "ErrorRate"
    say(world, "retry/1")
    run_until_weight(world, 10)


def test_in_the_middle_of_a_rollback_it_goes_on_back() -> None:
    world = rolling(100, **rollout(steps=[{"weight": 100, "hold": "24h"}]))
    world.run(60)
    lose_pod(world, R1)
    world.broken.add(R1)
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 33, R2: 67}
    world.lose_status()
    world.settle()
    assert world.traffic == {R1: 33, R2: 67}
    assert phase(world) is Phase.ROLLING_BACK
    world.recover(R1)
    world.settle()
    assert world.traffic == {R1: 100}


def test_a_version_that_was_never_tried_takes_its_steps() -> None:
    world = serving()
    world.lose_status()
    world.spec = spec(V2)
    world.settle()
    assert world.traffic == {R1: 100}
    assert stable(world) == R1
    run_until_weight(world, 10)
    assert world.traffic == {R1: 90, R2: 10}


def test_a_third_version_waits_until_the_traffic_of_the_second_is_back() -> None:
    world = rolling(50)
    world.lose_status()
    world.spec = spec(V3)
    world.settle()
    assert world.traffic == {R1: 100}
    assert candidate(world).revision == R3


def test_a_settled_deployment_stays_as_it_is() -> None:
    world = serving()
    world.lose_status()
    world.settle()
    assert phase(world) is Phase.STABLE
    assert world.traffic == {R1: 100}
    assert stable(world) == R1
    assert reasons(world) == ["StatusRecovered"]


def test_the_models_of_the_stable_are_known_again() -> None:
    world = rolling(10)
    world.lose_status()
    world.settle()
    assert world.status.stable is not None
    assert world.status.stable.models[0].version == V1


def test_a_first_deployment_that_is_not_up_is_still_one() -> None:
    world = World(broken={R1})
    world.settle()
    world.lose_status()
    world.settle()
    assert phase(world) is Phase.PENDING
    world.recover(R1)
    world.settle()
    assert phase(world) is Phase.STABLE


def test_with_no_traffic_to_read_whoever_is_ready_has_served() -> None:
    world = serving()
    world.traffic = {}
    world.lose_status()
    update(world, V2)
    assert stable(world) == R1
    assert world.traffic == {R1: 100}


def test_a_status_of_long_ago_gives_nobody_the_traffic_back() -> None:
    """Restored by hand: it names a stable that could still be built, and not what serves."""
    world = rolling(10)
    long_ago = world.status
    for version in (V2, V3):
        update(world, version)
        world.run(400)
        assert phase(world) is Phase.STABLE
    world.status = long_ago
    say(world, "promote-full/of-then")
    assert (stable(world), world.traffic) == (R3, {R3: 100})
    assert "outdated" in last(world, "StatusRecovered").message
    assert world.status.previous is None
    assert world.status.rejected is None


def test_a_status_of_elsewhere_gives_no_untried_version_all_traffic() -> None:
    world = rolling(10)
    world.status = serving(V2).status
    world.run(15)
    assert (stable(world), candidate(world).revision) == (R1, R2)
    assert world.traffic == {R1: 90, R2: 10}


@pytest.mark.parametrize("router", ROUTERS)
def test_a_third_one_that_carries_a_dead_stables_traffic_is_no_stranger(
    router: dict[str, Any],
) -> None:
    world = rolling(50, **router)
    lose_pods(world, R1)
    world.broken.add(R1)
    world.settle()
    update(world, V3, **router)
    world.run(30)
    assert "StatusRecovered" not in reasons(world)
    assert stable(world) == R1
