"""Pods that flap, are killed, or are evicted; clocks that lie; autoscalers that are busy."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    V2,
    against,
    candidate,
    last,
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
from transit_operator.api.status import (
    ModelDeploymentStatus,
    Phase,
    PinnedModel,
    Pins,
    read_status,
)
from transit_operator.core.decide import decide
from transit_operator.core.objects.revision import content_key
from transit_operator.core.observed import Pod, Readings
from transit_operator.core.rules.health import count_failures

FOREVER = rollout(steps=[{"weight": 10, "hold": "99h"}, {"weight": 100, "hold": "99h"}])


def flap(world: World, up: int, down: int) -> None:
    """A pod of 2.0.0 is ready for some seconds, then crashes and is away for some."""
    world.recover(R2)
    world.run(up, step=5)
    if R2 in world.pods:
        world.crash(R2)
        world.run(down, step=5)


@pytest.mark.parametrize("unseen", [True, False], ids=["never scraped twice", "data"])
@pytest.mark.parametrize(("up", "down"), [(10, 40), (5, 5), (30, 10)])
def test_a_candidate_that_flaps_before_its_first_share_is_turned_back(
    up: int, down: int, unseen: bool
) -> None:
    world = serving()
    world.readings = Readings(stable=good()) if unseen else against(good())
    world.broken.add(R2)
    update(world, V2)
    began = world.now
    while world.status.rejected is None:
        flap(world, up, down)
        assert world.now - began < 600, "it flaps for ever"
    assert rejected(world).reason in ("NotReady", "Health")


def test_a_version_that_is_killed_every_two_minutes_is_not_promoted() -> None:
    steps = [{"weight": 10, "hold": "30m"}, {"weight": 50, "hold": "30m"},
             {"weight": 100, "hold": "2h"}]  # fmt: skip
    world = rolling(10, **rollout(steps=steps))
    for _ in range(100):
        world.run(110, step=10)
        if R2 not in world.pods or world.status.rejected is not None:
            break
        world.crash(R2)
        world.run(10, step=10)
        if R2 in world.pods:
            world.recover(R2)
    assert rejected(world).reason == "Health"
    assert "restarts in" in rejected(world).message


def test_a_restart_every_few_hours_is_borne() -> None:
    world = rolling(10, **FOREVER)
    for _ in range(20):
        world.crash(R2)
        world.recover(R2)
        world.run(3 * 3600, step=60)
    assert world.status.rejected is None


def evicted(world: World, name: str) -> None:
    """Take a pod away; the one in its place is coming up."""
    world.pods[name] = (*world.pods[name][1:], Pod("replacement", ready=False, starting=True))


def test_an_evicted_pod_is_no_sickness() -> None:
    world = rolling(100, replicas=10, **rollout(steps=[{"weight": 100, "hold": "24h"}],
                                                progressDeadline="10m"))  # fmt: skip
    world.run(60)
    evicted(world, R2)
    world.run(300)
    assert world.status.rejected is None
    assert candidate(world).health_failures == 0
    world.recover(R2)
    world.run(60)
    assert phase(world) is Phase.BAKING


@pytest.mark.parametrize("weight", [10, 100])
def test_a_lost_node_turns_no_candidate_back(weight: int) -> None:
    """Its only pod is away for the five minutes that Kubernetes takes to replace it."""
    steps = [{"weight": w, "hold": "24h"} for w in sorted({weight, 100})]
    world = rolling(weight, replicas=1, **rollout(steps=steps, progressDeadline="10m"))
    world.run(60)
    (pod,) = world.pods[R2]
    world.pods[R2] = (replace(pod, ready=False, disrupted=True),)
    world.run(300)
    assert world.traffic == {R1: 100}
    assert candidate(world).health_failures == 0
    world.pods[R2] = (Pod("replacement", ready=False, starting=True),)
    world.run(60)
    world.recover(R2)
    world.run(60)
    assert world.traffic.get(R2) == weight
    assert world.status.rejected is None


def test_what_never_comes_up_in_its_place_is_one() -> None:
    world = rolling(100, replicas=10, **rollout(steps=[{"weight": 100, "hold": "24h"}]))
    evicted(world, R2)
    world.run(180)
    assert rejected(world).reason == "Health"


def test_one_that_is_yet_to_be_created_in_its_place_is_no_sickness() -> None:
    """Kubernetes' controllers may be busy, or change their leader."""
    world = rolling(100, replicas=10, **rollout(steps=[{"weight": 100, "hold": "24h"}],
                                                progressDeadline="10m"))  # fmt: skip
    world.run(60)
    before = world.observed()
    found = candidate(world)
    for passed, failures in ((0, 0), (590, 0), (600, 1), (610, 2)):
        nine = replace(before.revision(R2), pods=world.pods[R2][1:])
        now = replace(before, now=before.now + passed, revisions={R2: nine})
        found, pods = count_failures(now, world.spec, found)
        assert (found.health_failures, pods.ready, pods.expected) == (failures, 9, 10)


def test_an_evicted_leftover_is_not_stuck_and_no_cause() -> None:
    world = rolling(10, replicas=10, **FOREVER)
    world.slow = True
    leftover = Pod("old", ready=False, problem="Evicted: low on disk", disrupted=True)
    world.pods[R2] = (*world.pods[R2], leftover)
    say(world, "promote-full/1")
    assert world.traffic == {R1: 90, R2: 10}
    assert "Evicted" not in str(world.status.message)


def test_a_busy_autoscaler_of_the_stable_makes_no_candidate_late() -> None:
    scaled: dict[str, Any] = {"replicas": None, "autoscaling": {"min": 2, "max": 40}}
    world = serving(**scaled)
    update(world, V2, **scaled)
    run_until_weight(world, 10)
    world.slow = True
    for look in range(60):
        if candidate(world).weight > 10:
            break
        size = min(40, 2 + look)
        world.pods[R1] = tuple(Pod(f"{R1}-{n}", ready=True) for n in range(size))
        world.settle()
        if look % 2 and any(not pod.ready for pod in world.pods[R2]):
            world.start(R2)  # each takes a while
        world.run(10)
        assert world.status.rejected is None, world.status.message
    assert candidate(world).weight == 50


@pytest.mark.parametrize("back", [60, 1800, 86400])
def test_a_clock_that_is_set_back_stops_no_evaluation(back: int) -> None:
    world = rolling(10)
    world.run(15)
    world.now -= back
    world.readings = against(FAILING)
    world.run(15)
    assert rejected(world).reason == "ErrorRate"


def test_a_clock_that_is_set_back_lengthens_no_wait() -> None:
    world = serving()
    world.broken.add(R2)
    update(world, V2)
    world.run(30)
    world.now -= 3600
    world.run(70)
    assert rejected(world).reason == "NotReady"


@pytest.mark.parametrize("ahead", [1, 90, 86400])
def test_a_nodes_clock_that_is_ahead_makes_no_candidate_late(ahead: int) -> None:
    world = serving()
    world.slow = True
    update(world, V2)
    world.start(R2)
    world.pods[R2] = tuple(replace(p, ready_since=world.now + ahead) for p in world.pods[R2])
    world.run(30)
    assert candidate(world).weight == 10


def test_a_status_of_a_newer_version_is_understood() -> None:
    world = rolling(10)
    world.run(15)
    raw = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["phase"] = "Mirroring"
    raw["history"].append(raw["history"][-1] | {"phase": "Mirroring"})
    raw["signals"][0]["verdict"] = "Perhaps"
    raw["candidate"]["forced"] = "half"
    understood = read_status(raw)
    assert understood.stable == world.status.stable
    assert understood.candidate == world.status.candidate
    assert understood.history == world.status.history
    assert len(understood.signals) == len(world.status.signals) - 1


def test_what_a_newer_version_rejected_stays_rejected() -> None:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(15)
    raw = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["rejected"]["reason"] = "Toxicity"
    raw["rejected"]["evidence"]["verdict"] = "Perhaps"
    world.status = read_status(raw)
    world.readings = against(good())
    world.run(60)
    assert world.traffic == {R1: 100}
    assert rejected(world).revision == R2


@pytest.mark.parametrize("stable_field", [{"revision": 5}, "none", None])
def test_a_stable_that_is_not_understood_is_rebuilt(stable_field: object) -> None:
    world = rolling(10)
    raw = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["stable"] = stable_field
    world.status = read_status(raw)
    world.settle()
    assert stable(world) == R1
    assert world.traffic == {R1: 90, R2: 10}


@pytest.mark.parametrize("time", ["", "yesterday", "2026-11-26T12:00:00", "2026-02-30T00:00:00Z"])
@pytest.mark.parametrize("clock", ["startedAt", "stepAt", "evaluatedAt", "waitingSince"])
def test_a_time_that_is_none_is_left_out(clock: str, time: str) -> None:
    """It stopped every look at the ModelDeployment, for ever: the schema takes any text."""
    world = rolling(10)
    raw = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["candidate"][clock] = time
    raw["history"][-1]["time"] = time
    world.status = read_status(raw)
    world.run(60)
    assert world.traffic.keys() <= {R1, R2}
    assert candidate(world).revision == R2


def with_alias(world: World, version: str, pins: Pins | None) -> ModelDeploymentStatus:
    """Decide once for a spec with an alias that is pinned."""
    observed = replace(world.observed(), spec=spec(version), pins=pins, action=world.action)
    return decide(observed).status


def test_resolve_looks_the_versions_up_again() -> None:
    world = serving()
    key = content_key(spec("latest"))
    pins = Pins(key=key, models=[PinnedModel(name="forest", version="1.0.0")])
    assert with_alias(world, "latest", pins).pins == pins
    world.action = "resolve/1"
    status = with_alias(world, "latest", pins)
    assert status.pins == Pins(key=key, models=[])
    assert status.history[-1].reason == "Resolving"


def test_resolve_without_an_alias_finds_what_is_there_and_changes_nothing() -> None:
    world = serving()
    say(world, "resolve/1")
    world.run(60)
    assert last(world, "Resolving").message == "forest 1.0.0: resolved again by command"
    assert reasons(world)[-1] == "Resolving"
    assert phase(world) is Phase.STABLE


def test_an_alias_that_is_asked_for_again_later_is_looked_up_anew() -> None:
    world = serving()
    key = content_key(spec("latest"))
    pins = Pins(key=key, models=[PinnedModel(name="forest", version="1.0.0")])
    assert with_alias(world, "2.0.0", pins).pins is None


def test_a_good_rollout_in_all_of_this_is_still_promoted() -> None:
    world = rolling(10)
    world.run(300)
    assert reasons(world)[-1] == "Promoted"
