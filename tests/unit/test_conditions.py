"""Conditions and the column WEIGHT: what is really so, not what was asked for."""

from dataclasses import replace

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    REPLICAS_ROUTER,
    V1,
    V2,
    against,
    lose_pods,
    rolling,
    serving,
    update,
)
from tests.unit.world import World
from transit_operator.api.status import Condition, ModelDeploymentStatus
from transit_operator.core.decide import decide
from transit_operator.core.observed import Problem, Route

KSTATUS = ("Ready", "Reconciling", "Stalled")


def of(status: ModelDeploymentStatus, kind: str) -> Condition:
    return next(c for c in status.conditions if c.type == kind)


def kstatus(status: ModelDeploymentStatus) -> tuple[str, ...]:
    return tuple(of(status, kind).status for kind in KSTATUS)


def rolled_back() -> World:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(15)
    return world


def failed() -> World:
    world = serving()
    world.broken.add(R1)
    lose_pods(world, R1)
    world.settle()
    return world


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(World(broken={R1}), ("False", "True", "False"), id="Pending"),
        pytest.param(serving(), ("True", "False", "False"), id="Stable"),
        pytest.param(rolling(10), ("False", "True", "False"), id="Progressing"),
        pytest.param(rolling(100), ("False", "True", "False"), id="Baking"),
        pytest.param(rolled_back(), ("False", "False", "True"), id="RolledBack"),
        pytest.param(failed(), ("False", "False", "True"), id="Failed"),
    ],
)
def test_kstatus(world: World, expected: tuple[str, ...]) -> None:
    world.settle()
    assert kstatus(world.status) == expected


def test_a_spec_that_is_not_accepted_is_stalled_and_not_ready() -> None:
    world = serving()
    problem = Problem("SpecInvalid", "spec.models: no")
    status = decide(replace(world.observed(), problem=problem, wanted=None)).status
    assert kstatus(status) == ("False", "False", "True")
    status = decide(replace(world.observed(), problem=problem, spec=None, wanted=None)).status
    assert (of(status, "Ready").status, of(status, "Stalled").status) == ("False", "True")


def test_the_weight_that_pod_counts_really_give_is_told() -> None:
    world = serving(replicas=1, **REPLICAS_ROUTER)
    update(world, V2, replicas=1, **REPLICAS_ROUTER)
    world.run(30)
    world.traffic = {R1: 50, R2: 50}  # as one pod of each gives it
    status = decide(world.observed()).status
    assert status.weight == 50
    reached = of(status, "WeightReached")
    assert (reached.status, reached.reason) == ("False", "PodCounts")
    assert "asks for 10 %, the candidate has 50 %, 1 of 2 ready pods" in reached.message


def test_an_exact_weight_is_reached() -> None:
    world = rolling(10)
    world.settle()
    assert world.status.weight == 10
    assert of(world.status, "WeightReached").status == "True"


def test_without_a_candidate_there_is_no_weight() -> None:
    world = serving(V1)
    assert world.status.weight is None
    assert of(world.status, "WeightReached").status == "Unknown"


def test_a_route_that_no_gateway_accepts_is_no_service_and_no_weight() -> None:
    world = rolling(10)
    world.run(15)
    held = world.status.candidate
    route = Route(False, "NoMatchingParent", "no Gateway named public")
    for _ in range(4):
        world.now += 15
        decision = decide(replace(world.observed(), route=route))
        world.status = decision.status
    assert held is not None
    assert world.status.candidate is not None
    assert world.status.candidate.held_seconds == held.held_seconds
    available = of(world.status, "Available")
    assert (available.status, available.message) == ("False", "no Gateway named public")
    accepted = of(world.status, "RouteAccepted")
    assert (accepted.status, accepted.reason) == ("False", "NoMatchingParent")


def test_a_route_of_which_nothing_is_said_yet_is_unknown() -> None:
    world = serving()
    assert of(world.status, "RouteAccepted").status == "Unknown"
    status = decide(replace(world.observed(), route=Route(True))).status
    assert of(status, "RouteAccepted").status == "True"
