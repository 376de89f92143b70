"""Where a rollout is among its steps, also after they were edited in mid-way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.scenes import (
    R2,
    REPLICAS_ROUTER,
    V2,
    candidate,
    rolling,
    rollout,
    run_until_weight,
    update,
)
from tests.unit.world import spec
from transit_operator.api.rollout import Step
from transit_operator.api.status import CandidateStatus
from transit_operator.core.plan.steps import next_step, place, pods_for, standby_pods


def steps(*weights: int) -> list[Step]:
    return [Step(weight=weight, hold="30s") for weight in weights]


def at(weight: int, step: int = 1, forced: str | None = None) -> CandidateStatus:
    return CandidateStatus.model_validate(
        {
            "revision": "r",
            "startedAt": "2026-01-01T00:00:00Z",
            "weight": weight,
            "step": step,
            "forced": forced,
        }
    )


@pytest.mark.parametrize(
    ("weights", "state", "here", "following"),
    [
        pytest.param([10, 50, 100], at(0, 0), 0, 1, id="before the first"),
        pytest.param([10, 50, 100], at(10), 1, 2, id="at the first"),
        pytest.param([10, 50, 100], at(50, 2), 2, 3, id="in the middle"),
        pytest.param([10, 50, 100], at(100, 3), 3, None, id="at the last"),
        pytest.param([100], at(0, 0), 0, 1, id="one step only, before it"),
        pytest.param([100], at(100), 1, None, id="one step only, at it"),
        pytest.param([0, 100], at(0), 1, 2, id="a step of weight zero is a step"),
        pytest.param([10, 20, 60, 100], at(50, 2), 2, 3, id="steps were inserted around it"),
        pytest.param([5, 7, 10, 50, 100], at(10), 3, 4, id="steps were inserted below it"),
        pytest.param([50, 100], at(10), 1, 1, id="the step it was at was removed"),
        pytest.param([20, 50, 100], at(10), 1, 1, id="the first step was raised"),
        pytest.param([5, 100], at(50, 2), 1, 2, id="steps were lowered below it"),
        pytest.param([10, 50, 100], at(0, 0, "full"), 0, 3, id="forced to the end from nothing"),
        pytest.param([10, 50, 100], at(10, 1, "full"), 1, 3, id="forced to the end"),
        pytest.param([10, 50, 100], at(100, 3, "full"), 3, None, id="forced at the end"),
        pytest.param([10, 50, 100], at(10, 1, "step"), 1, 2, id="forced by one"),
    ],
)
def test_place_and_next(
    weights: list[int], state: CandidateStatus, here: int, following: int | None
) -> None:
    assert place(steps(*weights), state) == here
    assert next_step(steps(*weights), state) == following


@given(
    weights=st.sets(st.integers(0, 99), max_size=6), weight=st.integers(0, 100), step=st.integers(1)
)
def test_after_any_edit_the_next_weight_is_the_lowest_above_the_one_reached(
    weights: set[int], weight: int, step: int
) -> None:
    edited = steps(*sorted(weights), 100)
    following = next_step(edited, at(weight, step))
    above = [s.weight for s in edited if s.weight > weight]
    if above:
        assert following is not None
        assert edited[following - 1].weight == min(above)
    else:
        assert following is None


@pytest.mark.parametrize(
    ("router", "pods", "weight", "expected"),
    [
        pytest.param("gateway", 3, 10, 1, id="gateway 10 % of 3"),
        pytest.param("gateway", 3, 50, 2, id="gateway 50 % of 3 rounded up"),
        pytest.param("gateway", 3, 100, 3, id="gateway 100 %"),
        pytest.param("gateway", 3, 0, 1, id="gateway 0 % still needs a pod to look at"),
        pytest.param("gateway", 20, 10, 2, id="gateway 10 % of 20"),
        pytest.param("gateway", 20, 11, 3, id="gateway 11 % of 20 rounded up"),
        pytest.param("replicas", 9, 10, 1, id="replicas 1 of 10 is 10 %"),
        pytest.param("replicas", 3, 10, 1, id="replicas at least one"),
        pytest.param("replicas", 3, 50, 3, id="replicas half of six"),
        pytest.param("replicas", 3, 90, 3, id="replicas at most as many as stable"),
        pytest.param("replicas", 3, 100, 3, id="replicas 100 %"),
        pytest.param("replicas", 1, 10, 1, id="replicas of one pod"),
    ],
)
def test_pods_for_a_weight(router: str, pods: int, weight: int, expected: int) -> None:
    traffic = {"router": router, "gateway": {"parentRefs": [{"name": "public"}]}}
    assert pods_for(spec(traffic=traffic), weight, pods) == expected


@given(pods=st.integers(1, 1000), weight=st.integers(0, 100), gateway=st.booleans())
def test_pods_are_between_one_and_all(pods: int, weight: int, gateway: bool) -> None:
    overrides = {} if gateway else REPLICAS_ROUTER
    found = pods_for(spec(**overrides), weight, pods)
    assert 1 <= found <= pods
    assert not gateway or found * 100 >= weight * pods


@pytest.mark.parametrize(("pods", "standby"), [(1, 1), (2, 1), (3, 2), (10, 5)])
def test_standby_is_half_rounded_up(pods: int, standby: int) -> None:
    assert standby_pods(pods) == standby


@pytest.mark.parametrize(
    ("edited", "reached"),
    [
        pytest.param([10, 20, 30, 100], 20, id="more steps are inserted"),
        pytest.param([5, 15, 100], 15, id="the next step is lowered"),
        pytest.param([10, 100], 100, id="the next step is removed"),
        pytest.param([40, 100], 40, id="all steps are raised"),
    ],
)
def test_steps_edited_while_at_ten_percent_go_on_at_the_next_one(
    edited: list[int], reached: int
) -> None:
    world = rolling(10)
    held = candidate(world).held_seconds
    changed = rollout(steps=[{"weight": weight, "hold": "30s"} for weight in edited])
    update(world, V2, **changed)
    assert candidate(world).weight == 10, "an edit alone is no step"
    assert candidate(world).held_seconds >= held
    run_until_weight(world, reached)


def test_a_lower_weight_in_the_steps_takes_no_traffic_back() -> None:
    world = rolling(50)
    update(world, V2, **rollout(steps=[{"weight": w, "hold": "30s"} for w in (5, 100)]))
    world.run(15)
    assert candidate(world).weight == 50
    run_until_weight(world, 100)


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(REPLICAS_ROUTER, id="another router"),
        pytest.param({"replicas": 7}, id="more replicas"),
        pytest.param({"replicas": 1}, id="fewer replicas"),
        pytest.param(rollout(analysis={"errorRate": {"max": 0.5}}), id="another threshold"),
        pytest.param(rollout(analysis={"interval": "5s"}), id="another interval"),
    ],
)
def test_an_edit_that_is_no_new_revision_moves_no_weight(overrides: dict[str, object]) -> None:
    world = rolling(50)
    before = candidate(world)
    update(world, V2, **overrides)
    after = candidate(world)
    assert (after.revision, after.weight, after.step) == (before.revision, 50, 2)
    run_until_weight(world, 100)


def test_a_router_that_needs_fewer_pods_makes_no_candidate_unhealthy() -> None:
    world = rolling(50, **REPLICAS_ROUTER)
    assert len(world.pods[R2]) == 3
    world.run(15)  # nothing shrinks while it drains
    update(world, V2)
    assert len(world.pods[R2]) == 2, "half of three, rounded up"
    world.run(30)
    assert candidate(world).health_failures == 0
