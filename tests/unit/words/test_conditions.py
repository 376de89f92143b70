"""Conditions and the column WEIGHT: what is really so, not what was asked for."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    REPLICAS_ROUTER,
    V1,
    V2,
    against,
    candidate,
    lose_pods,
    phase,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    update,
)
from tests.unit.world import STEPS, World
from transit_operator.api.status import Condition, ModelDeploymentStatus, Phase
from transit_operator.core.decide import decide
from transit_operator.core.observed import Problem, Route
from transit_operator.core.times import epoch, rfc3339

KSTATUS = ("Ready", "Reconciling", "Stalled")
APPROVED = rollout(steps=[{**STEPS[0], "approval": True}, *STEPS[1:]])
APPROVED_AT_LAST = rollout(steps=[*STEPS[:2], {**STEPS[2], "approval": True}])


def of(status: ModelDeploymentStatus, kind: str) -> Condition:
    return next(c for c in status.conditions if c.type == kind)


def kstatus(status: ModelDeploymentStatus) -> tuple[str, str]:
    """Return which of the three is True, and its reason. The others must be False."""
    assert sorted(of(status, kind).status for kind in KSTATUS) == ["False", "False", "True"]
    found = next(of(status, kind) for kind in KSTATUS if of(status, kind).status == "True")
    return found.type, found.reason


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


def told(world: World, action: str) -> World:
    say(world, action)
    return world


def asked_for_approval(weight: int, policy: dict[str, Any]) -> World:
    world = rolling(weight, **policy)
    world.run(120)
    return world


def fixing() -> World:
    """A stable that is dead, and its fix on the way."""
    world = failed()
    world.slow = True
    update(world, V2)
    assert phase(world) is Phase.FAILED
    return world


def suspended() -> World:
    world = serving()
    update(world, V2, suspend=True)
    return world


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(World(broken={R1}), ("Reconciling", "Pending"), id="pending"),
        pytest.param(serving(), ("Ready", "Serving"), id="stable"),
        pytest.param(suspended(), ("Reconciling", "Suspended"), id="suspended before it began"),
        pytest.param(rolling(10), ("Reconciling", "Progressing"), id="progressing"),
        pytest.param(
            asked_for_approval(10, APPROVED), ("Reconciling", "WaitingForApproval"), id="approval"
        ),
        pytest.param(told(rolling(10), "pause/1"), ("Reconciling", "Paused"), id="paused"),
        pytest.param(told(rolling(100), "pause/1"), ("Reconciling", "Paused"), id="paused at 100"),
        pytest.param(rolling(100), ("Ready", "Baking"), id="baking"),
        pytest.param(
            asked_for_approval(100, APPROVED_AT_LAST), ("Ready", "Baking"), id="approval at 100"
        ),
        pytest.param(rolled_back(), ("Stalled", "RolledBack"), id="rolled back"),
        pytest.param(failed(), ("Stalled", "Failed"), id="failed"),
        pytest.param(fixing(), ("Reconciling", "Failed"), id="failed, and its fix on the way"),
        pytest.param(
            told(fixing(), "pause/1"), ("Stalled", "Failed"), id="failed, and its fix paused"
        ),
    ],
)
def test_one_of_ready_reconciling_and_stalled_is_true(
    world: World, expected: tuple[str, str]
) -> None:
    world.settle()
    assert kstatus(world.status) == expected


def test_a_weight_that_is_given_but_not_there_yet_is_not_ready() -> None:
    world = rolling(50)
    world.refuses.add("traffic")
    while candidate(world).weight < 100:
        world.now += 5
        world.refusal = None
        world.reconcile()
    world.refusal = None
    world.reconcile()
    assert phase(world) is Phase.BAKING
    assert kstatus(world.status) == ("Reconciling", "Baking")


def test_baking_says_until_when_it_is_watched_and_the_same_between_two_evaluations() -> None:
    world = rolling(100)
    world.run(30)
    before = of(world.status, "Ready").message
    left = 60 - candidate(world).held_seconds
    until = rfc3339(math.ceil(epoch(str(candidate(world).evaluated_at)) + left))
    assert before.startswith(f"forest 2.0.0 serves, watched until {until[:-5]}Z; step 3 of 3: ")
    world.now += 1
    world.reconcile()
    assert of(world.status, "Ready").message == before


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("ResolvingVersions", "Reconciling"), ("ModelNotFound", "Stalled"), ("Refused", "Stalled")],
)
@pytest.mark.parametrize("before", [World, serving, rolling, rolled_back])
def test_a_spec_that_is_not_accepted(
    before: Callable[[], World], reason: str, expected: str
) -> None:
    world = before()
    problem = Problem(reason, "of the next spec")
    status = decide(replace(world.observed(), problem=problem, wanted=None, spec=world.spec)).status
    assert kstatus(status) == (expected, reason)
    assert of(status, expected).message == "of the next spec"


def test_a_spec_that_is_not_understood_is_stalled() -> None:
    world = rolling(10)
    problem = Problem("SpecInvalid", "spec.models: no")
    status = decide(replace(world.observed(), problem=problem, spec=None, wanted=None)).status
    assert kstatus(status) == ("Stalled", "SpecInvalid")


@pytest.mark.parametrize("before", [serving, lambda: rolling(100)], ids=["stable", "baking"])
def test_what_no_gateway_carries_is_not_ready(before: Callable[[], World]) -> None:
    world = before()
    route = Route(False, "NoMatchingParent", "no Gateway named public")
    status = decide(replace(world.observed(), route=route)).status
    assert kstatus(status) == ("Reconciling", "RouteNotAccepted")


def test_the_time_of_a_condition_is_when_its_status_changed_last() -> None:
    world = rolling(10)
    since = of(world.status, "Reconciling").last_transition_time
    run_until_weight(world, 50)
    assert of(world.status, "Reconciling").last_transition_time == since
    run_until_weight(world, 100)
    assert of(world.status, "Reconciling").last_transition_time == rfc3339(world.now)
    assert of(world.status, "Ready").last_transition_time == rfc3339(world.now)


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


@pytest.mark.parametrize(
    ("models", "shown"),
    [
        ([{"name": "a", "version": "1.1.0"}], "1.1.0"),
        ([{"name": n, "version": "1.0.0"} for n in "abc"], "3 models"),
    ],
)
def test_columns_show_versions_and_no_hashes(models: list[dict[str, str]], shown: str) -> None:
    world = serving(models=[{**model, "version": "0.9.0"} for model in models])
    update(world, V1, models=models)
    versions = world.status.versions
    assert versions is not None
    assert versions.candidate == shown
    assert versions.stable == ("0.9.0" if len(models) == 1 else shown)
