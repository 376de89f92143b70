"""Weights that are written down, and that no Gateway has taken over yet: its controller is away.

Its data plane goes on as before, so what lost its traffic on paper must not go. Neighbours:
`routers.acceptance` reads what Gateways say, `rules.traffic` remembers it.
"""

from dataclasses import replace

from tests.unit.scenes import FAILING, R1, R2, V2, against, phase, rolling, serving, update
from tests.unit.world import World
from transit_operator.api.status import Phase
from transit_operator.core.observed import NOT_OBSERVED, Pod, Route

TAKEN = Route(True, "Accepted", "Gateway public carries the route")
OUTDATED = Route(
    None, NOT_OBSERVED, "Gateway public has not taken the last change of the route yet"
)


def rolled_back(route: Route) -> World:
    """Given a rollback at 10 %, of which the Gateways say that."""
    world = rolling(10)
    world.route = route
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}
    return world


def test_what_is_left_stays_until_a_gateway_has_taken_the_weights_and_then_drains() -> None:
    world = rolled_back(OUTDATED)
    world.run(3600, step=60)
    assert any(pod.ready for pod in world.pods[R2]), "its share still comes"
    world.route = TAKEN
    world.settle()
    assert R2 in world.pods, "requests are still under way"
    world.run(10)
    assert set(world.pods) == {R1}
    assert phase(world) is Phase.ROLLED_BACK


def test_weights_that_are_taken_at_once_drain_from_the_write_on() -> None:
    world = rolled_back(TAKEN)
    world.run(10)
    assert set(world.pods) == {R1}


def test_another_change_of_the_route_is_no_change_of_weights() -> None:
    """Somebody has edited `hostnames`: nothing drains anew for that."""
    world = rolled_back(TAKEN)
    since = world.status.traffic_since
    for route in (OUTDATED, TAKEN):
        world.route = route
        world.run(30)
        assert world.status.traffic_since == since
        assert not world.status.untaken


def test_no_candidate_hangs_for_pods_that_stay_on_account_of_a_gateway() -> None:
    world = rolled_back(OUTDATED)
    update(world, "3.0.0")
    name = world.status.candidate.revision if world.status.candidate is not None else ""
    world.broken.add(name)
    world.pods[name] = tuple(replace(pod, ready=False) for pod in world.pods[name])
    world.run(120)
    assert world.status.rejected is not None
    assert world.status.rejected.reason == "NotReady"
    assert isinstance(world.pods[R2][0], Pod)


def test_a_refused_write_is_told_as_the_cause_of_pods_that_never_came() -> None:
    world = serving()
    world.refuses = {"pods"}
    update(world, V2)
    world.run(70)
    assert world.status.rejected is not None
    assert "the API server refuses what was asked of it: 422" in world.status.rejected.message
