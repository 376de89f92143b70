"""What holds after any sequence of events: specs, pods, readings, commands, crashes, time.

The events are here, and how it must end; what holds of each decision is in `checked_world`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import Phase as HypothesisPhase
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.unit.scenes import (
    FAILING,
    FLIPPED,
    R2,
    REPLICAS_ROUTER,
    SLOW,
    UNREACHABLE,
    V1,
    V2,
    against,
    phase,
    rollout,
)
from tests.unit.stories.checked_world import CONTENTS, VERSIONS, CheckedWorld
from tests.unit.world import STEPS, good, revision, spec
from transit_operator.api.status import ModelDeploymentStatus, Phase
from transit_operator.core.observed import NOT_OBSERVED, Pod, Readings, Route
from transit_operator.core.rules.commands import HANDLERS

READINGS = {
    "good": against(good()),
    "errors": against(FAILING),
    "slow": against(SLOW),
    "flipped": against(FLIPPED),
    "few": against(good(predictions=20)),
    "no stable": Readings(candidate=good()),
    "nothing": Readings(),
    "unreachable": UNREACHABLE,
    "many classes": against(
        good(classes={f"a class with a rather long name, number {n}": 3.0 for n in range(1000)})
    ),
}
POLICIES: dict[str, dict[str, Any]] = {
    "default": {},
    "pausing": rollout(onFailure="Pause"),
    "impatient": rollout(analysis={"noData": {"policy": "Rollback", "after": "60s"}}),
    "one step": rollout(steps=[{"weight": 100, "hold": "30s"}]),
    "more steps": rollout(steps=[{"weight": 1, "hold": "0s"}, {"weight": 30, "hold": "15s"},
                                 *STEPS[1:]]),
    "suspended": {"suspend": True},
    "more pods": {"replicas": 5},
    "one pod": {"replicas": 1},
    "shared": rollout(capacity="Shared"),
    "shared by many": {"replicas": 9, **rollout(capacity="Shared")},
    "approved": rollout(steps=[{**STEPS[0], "approval": True}, *STEPS[1:]]),
    "looked at": rollout(keepRejected="60s", revertWithin="0s"),
    "autoscaled": {"replicas": None, "autoscaling": {"min": 2, "max": 6}},
    "autoscaled and shared": {"replicas": None, "autoscaling": {"min": 2, "max": 6},
                              **rollout(capacity="Shared")},
    "autoscaled by pod counts": {"replicas": None, "autoscaling": {"min": 2, "max": 6},
                                 **REPLICAS_ROUTER},
}  # fmt: skip
OUTDATED = Route(None, NOT_OBSERVED, "the last change is not taken yet")


BEGINNINGS = ("first", "not up", "a tenth", "half", "baking", "rolled back", "promoted")
WAITS = st.sampled_from([5, 15, 30, 45, 90])


class Rollouts(RuleBasedStateMachine):
    """Events in any order. After each the world must settle at once."""

    def __init__(self) -> None:
        super().__init__()
        self.world = CheckedWorld()
        self.tokens = 0

    @initialize(begin=st.sampled_from(BEGINNINGS), policy=st.sampled_from(sorted(POLICIES)))
    def first(self, begin: str, policy: str) -> None:
        """Begin somewhere in the life of a ModelDeployment: much happens in the middle only."""
        if begin == "not up":
            self.world.broken.add(self.name_of(V1))
        self.apply(V1, policy)
        if begin in BEGINNINGS[:2]:
            return
        self.apply(V2, policy)
        least = {"a tenth": 10, "baking": 100}.get(begin, 50)
        self.go_on(lambda w: w.candidate is not None and w.candidate.weight >= least)
        if begin == "rolled back":
            self.world.readings = READINGS["errors"]
            self.go_on(lambda w: w.rejected is not None)
        if begin == "promoted":
            self.go_on(lambda w: w.stable is not None and w.stable.revision == R2)

    def go_on(self, until: Callable[[ModelDeploymentStatus], bool]) -> None:
        """Let time pass, up to where a policy lets it come, with a person's approval."""
        for _ in range(30):
            if until(self.world.status):
                return
            self.world.now += 7.5
            self.settle()
            self.approve()

    def approve(self) -> None:
        """Say what a step waits for."""
        candidate = self.world.status.candidate
        if candidate is not None and candidate.asked_at is not None:
            self.command("promote")

    @rule(version=st.sampled_from(VERSIONS), policy=st.sampled_from(sorted(POLICIES)))
    def apply(self, version: str, policy: str) -> None:
        self.world.spec = spec(version, **POLICIES[policy])
        self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def apply_version(self, version: str) -> None:
        self.apply(version, "default")

    @rule(version=st.sampled_from(VERSIONS), content=st.sampled_from(CONTENTS))
    def a_version_is_replaced(self, version: str, content: str) -> None:
        self.world.contents[version] = content
        self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def a_version_is_deleted(self, version: str) -> None:
        self.world.missing.add(version)
        self.settle()

    @rule()
    def nobody_looks_versions_up(self) -> None:
        self.world.looking_up = True
        self.settle()

    @rule()
    def versions_are_looked_up_again(self) -> None:
        self.world.looking_up, self.world.missing = False, set()
        self.settle()

    @rule(kind=st.sampled_from(sorted(READINGS)))
    def measure(self, kind: str) -> None:
        self.world.readings = READINGS[kind]

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        end = self.world.now + seconds
        while self.world.now < end:
            self.world.now += 7.5
            self.settle()

    @rule()
    def go_well(self) -> None:
        self.world.readings = READINGS["good"]
        self.wait(45)

    @rule(seconds=st.sampled_from([100, 4000]))
    def operator_is_away(self, seconds: int) -> None:
        self.world.now += seconds
        self.settle()

    @rule()
    def operator_is_killed_after_writing_the_status(self) -> None:
        self.world.now += 15
        world = self.world
        traffic, pods = dict(world.traffic), dict(world.pods)
        world.reconcile()
        world.traffic, world.pods = traffic, pods
        self.settle()

    @rule(version=st.sampled_from(VERSIONS), data=st.data())
    def a_pod_dies(self, version: str, data: st.DataObject) -> None:
        pods = self.world.pods.get(self.name_of(version), ())
        if pods:
            index = data.draw(st.integers(0, len(pods) - 1))
            dead = replace(pods[index], ready=False, restarts=pods[index].restarts + 1)
            self.world.pods[self.name_of(version)] = (*pods[:index], dead, *pods[index + 1 :])
        self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def a_version_breaks(self, version: str) -> None:
        name = self.name_of(version)
        self.world.broken.add(name)
        if name in self.world.pods:
            self.world.pods[name] = tuple(
                Pod(p.name, ready=False, restarts=p.restarts) for p in self.world.pods[name]
            )
        self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def a_version_recovers(self, version: str) -> None:
        name = self.name_of(version)
        self.world.broken.discard(name)
        if name in self.world.pods:
            self.world.recover(name)
        self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def a_pod_flaps(self, version: str) -> None:
        name = self.name_of(version)
        for _ in range(3):
            if self.world.pods.get(name):
                self.world.crash(name)
                self.settle()
            self.wait(5)
            if name in self.world.pods and name not in self.world.broken:
                self.world.recover(name)
                self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def a_pod_is_evicted(self, version: str) -> None:
        name = self.name_of(version)
        if pods := self.world.pods.get(name):
            self.tokens += 1
            fresh = Pod(f"{name}-again-{self.tokens}", ready=False, starting=True)
            self.world.pods[name] = (*pods[1:], fresh)
            self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def a_node_is_lost(self, version: str) -> None:
        """With one pod: it is replaced, but not at once."""
        name = self.name_of(version)
        if pods := self.world.pods.get(name):
            lost = replace(pods[0], ready=False, disrupted=True)
            self.world.pods[name] = (lost, *pods[1:])
            self.settle()
            self.wait(30)
            if pods := self.world.pods.get(name):
                fresh = replace(pods[0], disrupted=False, starting=True)
                self.world.pods[name] = (fresh, *pods[1:])
            self.settle()

    @rule(skew=st.sampled_from([-3600, -1, 1, 90, 86_400]))
    def the_clocks_of_new_nodes_are_off(self, skew: float) -> None:
        self.world.skew = skew

    @rule(nodes=st.sampled_from([3, 5, 8, None]))
    def others_take_the_room(self, nodes: int | None) -> None:
        self.world.nodes = nodes
        self.settle()

    @rule(route=st.sampled_from([None, OUTDATED]))
    def the_gateways_controller_comes_and_goes(self, route: Route | None) -> None:
        self.world.route = route
        self.settle()

    @rule()
    def the_status_is_lost(self) -> None:
        self.world.lose_status()
        self.settle()

    @rule(seconds=st.sampled_from([20, 3600]))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.world.now -= seconds
        self.settle()

    @rule(kinds=st.sampled_from([{"traffic"}, {"pods"}, {"traffic", "pods"}]), seconds=WAITS)
    def writes_are_refused_for_a_while(self, kinds: set[str], seconds: int) -> None:
        self.world.refuses = kinds
        self.wait(seconds)
        self.world.refuses = set()
        self.settle()

    @rule(kinds=st.sampled_from([{"traffic"}, {"pods"}]))
    def writes_are_refused(self, kinds: set[str]) -> None:
        self.world.refuses = kinds
        self.settle()

    @rule()
    def writes_are_taken(self) -> None:
        self.world.refuses = set()
        self.settle()

    @precondition(lambda self: self.world.spec.autoscaling is not None)
    @precondition(lambda self: self.world.nodes is None)
    @rule(version=st.sampled_from(VERSIONS), count=st.integers(1, 6))
    def the_autoscaler_acts(self, version: str, count: int) -> None:
        name = self.name_of(version)
        weights = dict(self.world.traffic)
        answered = any(pod.ready for pod in self.world.pods.get(name, ()))
        if name in self.world.pods:
            self.world.autoscale(name, count)
        self.settle()
        if answered and self.world.spec.traffic.router == "gateway":  # else its share comes back
            assert self.world.traffic == weights

    @rule(verb=st.sampled_from([*sorted(HANDLERS), "nonsense"]))
    def command(self, verb: str) -> None:
        self.tokens += 1
        self.world.action = f"{verb}/{self.tokens}"
        self.settle()

    @precondition(lambda self: self.world.status.candidate is not None)
    @rule()
    def abort(self) -> None:
        self.command("abort")

    def settle(self) -> None:
        """Decide until nothing is asked for any more; that must not take long."""
        world = self.world
        for _ in range(20):
            before = (world.status, world.traffic, world.pods)
            decision = world.reconcile()
            if before == (world.status, world.traffic, world.pods):
                assert not decision.transitions, "a transition is told again"
                return
        raise AssertionError("the decision does not converge")

    def name_of(self, version: str) -> str:
        """The revision of a version, of whichever content it is."""
        names = [revision(version, content) for content in CONTENTS]
        return next((name for name in names if name in self.world.pods), names[0])

    def teardown(self) -> None:
        """Whatever happened: once all is well and nobody interferes, the spec is what serves."""
        world = self.world
        world.readings = READINGS["good"]
        world.broken.clear()
        world.refuses, world.nodes, world.skew, world.route = set(), None, 0.0, None
        world.missing, world.looking_up = set(), False
        for name in world.pods:
            world.recover(name)
        version = world.spec.models[0].version
        if world.spec.suspend:
            world.spec = spec(version)
        self.settle()
        if world.status.paused:
            self.command("resume")
        if world.observed().problem is not None:  # its content was replaced, and is meant now
            self.command("resolve")
        world.now += 15  # an evaluation may still see what was wrong before, and turn it back
        self.settle()
        world.now += 15  # an evaluation may still see what was wrong before, and turn it back
        self.settle()
        if world.status.rejected is not None:
            self.command("retry")
        for _ in range(80):
            world.now += 15
            self.settle()
            self.approve()
        asked = world.observed().wanted
        assert asked is not None
        assert asked.models[0].version == version
        wanted = asked.revision
        assert world.traffic == {wanted: 100}, world.status.message
        assert phase(world) is Phase.STABLE, world.status.message
        assert set(world.pods) == {wanted}, "orphans are left"


# Without shrinking: it takes minutes here, and the story as found is readable enough.
Rollouts.TestCase.settings = settings(
    max_examples=2 * settings().max_examples,
    stateful_step_count=25,
    phases=[HypothesisPhase.explicit, HypothesisPhase.generate],
)
TestRollouts = Rollouts.TestCase
