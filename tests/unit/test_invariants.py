"""What holds after any sequence of events: specs, pods, readings, commands, crashes, time."""

import json
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import Phase as HypothesisPhase
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.unit.scenes import (
    FAILING,
    FLIPPED,
    R1,
    R2,
    R3,
    REPLICAS_ROUTER,
    SLOW,
    UNREACHABLE,
    V1,
    V2,
    V3,
    against,
    phase,
    rollout,
)
from tests.unit.world import STEPS, World, good, spec
from transit_operator.api.status import ModelDeploymentStatus, Phase, Verdict
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision
from transit_operator.core.observed import Observed, Pod, Readings
from transit_operator.core.rules.commands import HANDLERS
from transit_operator.core.signals.baseline import missing
from transit_operator.core.signals.samples.counts import by_model

VERSIONS = (V1, V2, V3)
READINGS = {
    "good": against(good()),
    "errors": against(FAILING),
    "slow": against(SLOW),
    "flipped": against(FLIPPED),
    "few": against(good(predictions=20)),
    "no stable": Readings(candidate=good()),
    "nothing": Readings(),
    "unreachable": UNREACHABLE,
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
    "approved": rollout(steps=[{**STEPS[0], "approval": True}, *STEPS[1:]]),
    "looked at": rollout(keepRejected="60s", revertWithin="0s"),
    "autoscaled": {"replicas": None, "autoscaling": {"min": 2, "max": 6}},
    "autoscaled and shared": {"replicas": None, "autoscaling": {"min": 2, "max": 6},
                              **rollout(capacity="Shared")},
    "autoscaled by pod counts": {"replicas": None, "autoscaling": {"min": 2, "max": 6},
                                 **REPLICAS_ROUTER},
}  # fmt: skip
# Commands by which a person asks for traffic, or steps, without more ado.
FORCING = ("promote", "promote-full", "retry", "rollback")


@dataclass
class CheckedWorld(World):
    """A world in which every single decision is checked."""

    turned_back: str | None = None

    def reconcile(self) -> Decision:
        before, asked = self.observed(), self.action
        decision = super().reconcile()
        assert decide(before) == decision, "the same observed value gives the same decision"
        self._note_rejection(before, decision)
        check_weights(before, decision)
        check_nobody_loses_pods_under_traffic(before, decision)
        check_returns(decision, self.turned_back, before)
        check_steps(before, decision, forced=asked != before.status.handled_action)
        check_clock(before, decision)
        check_memory(decision.status)
        check_blind_100_percent(before, decision)
        check_room(before, decision)
        check_wakes_up(before, decision)
        return decision

    def _note_rejection(self, before: Observed, decision: Decision) -> None:
        verb = before.action.partition("/")[0]
        fresh = before.action not in ("", before.status.handled_action)
        if fresh and verb in FORCING:
            self.turned_back = None
        rejected = decision.status.rejected
        if any(t.reason == "Rejected" for t in decision.transitions) and rejected is not None:
            self.turned_back = rejected.revision if verb != "rollback" else None
        if before.wanted is not None and before.wanted.revision != self.turned_back:
            self.turned_back = None  # the spec asks for another one


def check_weights(before: Observed, decision: Decision) -> None:
    weights = decision.weights
    assert sum(weights.values()) == 100, weights
    assert all(weight > 0 for weight in weights.values())
    status = decision.status
    planned = {r.revision for r in (status.stable, status.candidate, status.retreat) if r}
    planned |= set(before.traffic)
    assert set(weights) <= planned
    if any(before.revision(name).ready for name in planned if weights.get(name)):
        unready = [name for name in weights if not before.revision(name).ready]
        assert not unready, "traffic for a revision without ready pods while another has some"


def check_nobody_loses_pods_under_traffic(before: Observed, decision: Decision) -> None:
    answering = set(decision.weights) | {name for name, share in before.traffic.items() if share}
    gone = answering - set(decision.replicas) - decision.keep
    assert not gone & set(before.revisions), f"{gone} is deleted under its traffic"


def check_returns(decision: Decision, turned_back: str | None, before: Observed) -> None:
    """A rejected revision gets no traffic, and while traffic returns from it never more."""
    if turned_back is None:
        return
    status = decision.status
    assert status.candidate is None or status.candidate.revision != turned_back
    share = decision.weights.get(turned_back, 0)
    if share == 0 or (status.stable is not None and status.stable.revision == turned_back):
        return
    assert status.retreat is not None
    assert status.retreat.revision == turned_back
    stable_answers = status.stable is not None and before.revision(status.stable.revision).ready
    assert share <= before.share(turned_back) or not stable_answers


def check_steps(before: Observed, decision: Decision, *, forced: bool) -> None:
    """No step without data and without its hold, unless a person asked for it."""
    old, new = before.status.candidate, decision.status.candidate
    promoted = any(t.reason == "Promoted" for t in decision.transitions)
    if old is None or old.forced or old.straight or forced:
        return
    if old.step == 0:
        if new is not None and new.revision == old.revision and new.weight > 0:
            assert before.readings is not None
            assert by_model(before.readings.candidate), "nobody would see it fail"
        return
    if new is None and not promoted:
        return
    if new is not None and (new.revision != old.revision or new.weight <= old.weight):
        return
    assert before.spec is not None
    weights = [step.weight for step in before.spec.rollout.steps]
    if new is not None:
        assert new.weight == min(w for w in weights if w > old.weight), "a step was left out"
    else:
        assert old.weight == 100, "promoted before it had all traffic"
    assert old.blind_since is None or before.readings is not None, "blind"
    evidence = decision.status.signals
    if new is not None:
        assert all(e.verdict is Verdict.PASS or not missing(e) for e in evidence)
        assert not any(e.verdict is Verdict.FAIL for e in evidence)
        assert {"errorRate", "latency", "drift", "health"} <= {e.signal for e in evidence}


def check_blind_100_percent(before: Observed, decision: Decision) -> None:
    """All traffic goes to the stable, by a step of 100 %, or to whoever is left."""
    if len(decision.weights) != 1:
        return
    (name,) = decision.weights
    status = decision.status
    if before.share(name) == 100 or status.stable is None or status.stable.revision == name:
        return
    candidate = status.candidate
    if candidate is not None and candidate.revision == name and candidate.weight == 100:
        return
    assert not before.revision(status.stable.revision).ready, "nobody has judged it"


def check_room(before: Observed, decision: Decision) -> None:
    """A share that rises stays within what is ready, while the other one could carry it."""
    status, spec = decision.status, before.spec
    candidate, stable = status.candidate, status.stable
    if candidate is None or stable is None or status.retreat is not None or spec is None:
        return
    if spec.autoscaling is not None or spec.rollout.capacity == "Shared" or candidate.forced:
        return
    pair = (stable.revision, candidate.revision)
    for name, other in (pair, pair[::-1]):
        share, can = decision.weights.get(name, 0), 100 * before.revision(name).ready // spec.pods
        free = 100 * before.revision(other).ready // spec.pods - decision.weights.get(other, 0)
        given = candidate.weight if name == candidate.revision else 100 - candidate.weight
        if share > max(before.share(name), can, 1) and before.traffic:
            assert free <= 0 or share <= given, f"{name} gets {share} % with room for {can} %"


def check_clock(before: Observed, decision: Decision) -> None:
    """The clock of a step runs only in evaluations in which every signal passed."""
    old, new = before.status.candidate, decision.status.candidate
    if old is None or new is None or new.held_seconds <= old.held_seconds:
        return
    assert before.readings is not None
    assert not any(e.verdict is Verdict.FAIL or missing(e) for e in decision.status.signals)
    assert new.held_seconds - old.held_seconds <= 1.5 * 15, "nobody watched for that long"


def check_memory(status: ModelDeploymentStatus) -> None:
    """A crash forgets nothing: the status comes back from the API server as it was written."""
    written = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert ModelDeploymentStatus.model_validate(written) == status
    assert len(status.history) <= 20
    assert len(json.dumps(written)) < 100_000


def check_wakes_up(before: Observed, decision: Decision) -> None:
    assert decision.wake_at is None or decision.wake_at > before.now
    waits_for_pods_alone = decision.status.retreat is not None  # their events wake it up
    if decision.status.candidate is not None and not waits_for_pods_alone:
        assert decision.wake_at is not None, "nobody would look at the candidate again"


class Rollouts(RuleBasedStateMachine):
    """Events in any order. After each the world must settle at once."""

    def __init__(self) -> None:
        super().__init__()
        self.world = CheckedWorld()
        self.tokens = 0

    @initialize(up=st.booleans())
    def first(self, up: bool) -> None:
        if not up:
            self.world.broken.add(self.name_of(V1))
        self.settle()

    @rule(version=st.sampled_from(VERSIONS), policy=st.sampled_from(sorted(POLICIES)))
    def apply(self, version: str, policy: str) -> None:
        self.world.spec = spec(version, **POLICIES[policy])
        self.settle()

    @rule(version=st.sampled_from(VERSIONS))
    def apply_version(self, version: str) -> None:
        self.apply(version, "default")

    @rule(kind=st.sampled_from(sorted(READINGS)))
    def measure(self, kind: str) -> None:
        self.world.readings = READINGS[kind]

    @rule(seconds=st.sampled_from([5, 15, 30, 45, 90]))
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

    @rule(nodes=st.sampled_from([3, 5, 8, None]))
    def others_take_the_room(self, nodes: int | None) -> None:
        self.world.nodes = nodes
        self.settle()

    @rule()
    def the_status_is_lost(self) -> None:
        self.world.lose_status()
        self.settle()

    @rule(seconds=st.sampled_from([20, 3600]))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.world.now -= seconds
        self.settle()

    @rule(traffic=st.booleans())
    def a_write_is_refused(self, traffic: bool) -> None:
        self.world.now += 15
        world = self.world
        before, pods = dict(world.traffic), dict(world.pods)
        world.reconcile()
        if traffic:
            world.traffic = before
        else:
            world.pods = pods
        self.settle()

    @precondition(lambda self: self.world.spec.autoscaling is not None)
    @precondition(lambda self: self.world.nodes is None)
    @rule(version=st.sampled_from(VERSIONS), count=st.integers(1, 6))
    def the_autoscaler_acts(self, version: str, count: int) -> None:
        name = self.name_of(version)
        weights = dict(self.world.traffic)
        if name in self.world.pods:
            self.world.autoscale(name, count)
        self.settle()
        assert self.world.spec.traffic.router == "replicas" or self.world.traffic == weights

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
        return {V1: R1, V2: R2, V3: R3}[version]

    def teardown(self) -> None:
        """Whatever happened: once all is well and nobody interferes, the spec is what serves."""
        world = self.world
        world.readings = READINGS["good"]
        world.broken.clear()
        world.nodes = None
        for name in world.pods:
            world.recover(name)
        version = world.spec.models[0].version
        world.spec = spec(version)
        if world.status.paused:
            self.command("resume")
        if world.status.rejected is not None:
            self.command("retry")
        for _ in range(40):
            world.now += 15
            self.settle()
        wanted = self.name_of(version)
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
