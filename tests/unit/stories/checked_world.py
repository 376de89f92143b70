"""A world in which every single decision is held against what must hold of all of them.

Neighbours: `test_invariants` lets it live through any sequence of events; `tests/unit/world` is the
world itself.
"""

import json
import math
from dataclasses import dataclass, field

from tests.unit.scenes import V1, V2, V3
from tests.unit.world import World, digest, revision
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import ModelDeploymentStatus, Verdict
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision
from transit_operator.core.observed import Observed
from transit_operator.core.plan.shared import is_shared
from transit_operator.core.signals.baseline import missing
from transit_operator.core.signals.samples.counts import by_model

VERSIONS = (V1, V2, V3)
CONTENTS = ("", "replaced")
# Transitions by which a revision has all traffic by right from then on.
TRUSTED = ("Healthy", "Promoted", "StatusRecovered")
# Commands by which a person asks for traffic, or steps, without more ado.
FORCING = ("promote", "promote-full", "retry", "rollback")


@dataclass
class CheckedWorld(World):
    """A world in which every single decision is checked."""

    turned_back: str | None = None
    said: str = ""  # the last command, whatever a status that was lost says of it
    meant: bool = False  # a person has asked to take what the storage has
    proven: set[str] = field(default_factory=set)  # that had all traffic by right

    def reconcile(self) -> Decision:
        before, fresh = self.observed(), self.action not in ("", self.said)
        self.said = self.action
        decision = super().reconcile()
        assert decide(before) == decision, "the same observed value gives the same decision"
        self._note_rejection(before, decision, fresh=fresh)
        self._check_contents(before, decision, fresh=fresh)
        check_weights(before, decision)
        check_nobody_loses_pods_under_traffic(before, decision)
        check_returns(decision, self.turned_back, before)
        check_steps(before, decision, forced=fresh)
        check_clock(before, decision)
        check_memory(decision.status)
        self._check_who_gets_all(before, decision)
        check_room(before, decision)
        check_ready(before, decision)
        check_wakes_up(before, decision)
        return decision

    def _check_contents(self, before: Observed, decision: Decision, *, fresh: bool) -> None:
        """A revision is of one content for ever, and a replaced one is tried only where a person
        says so; while nobody knows what is asked for, nothing is begun."""
        self.meant = self.meant or (fresh and before.action.startswith("resolve/"))
        status, told = decision.status, {t.reason for t in decision.transitions}
        for one in (status.stable, status.candidate, status.previous, status.rejected):
            if one is not None and one.models:
                assert one.revision in {
                    revision(model.version, content)
                    for model in one.models
                    for content in CONTENTS
                    if model.digest == digest(model.name, model.version, content)
                }
        begun = told & {"Created", "Replaced", "RolloutStarted"}
        if before.wanted is None:
            assert not begun, "nobody knows what it is"
        elif begun and not self.meant:
            known = {(m.version, m.digest) for r in before.records.values() for m in r.models}
            for model in before.wanted.models:
                others = {one for version, one in known if version == model.version}
                assert others <= {model.digest}, "its content was replaced"

    def _check_who_gets_all(self, before: Observed, decision: Decision) -> None:
        """All traffic goes to who was the stable one by right, to a step of 100 %, or to whoever is
        left; whatever a status says that was lost meanwhile."""
        for transition in decision.transitions:
            if transition.reason == "StatusRecovered":
                self._check_recovery(before, decision, transition.revision or "")
            if transition.reason in TRUSTED and transition.revision is not None:
                self.proven.add(transition.revision)
            left = {r.revision for r in (decision.status.rejected,) if r is not None}
            still = {r.revision for r in (decision.status.stable,) if r is not None}
            self.proven -= left - still  # by the command rollback it is left only in the end
        if len(decision.weights) != 1:
            return
        (name,) = decision.weights
        if before.share(name) == 100 or name in self.proven:
            return
        candidate = decision.status.candidate
        if candidate is not None and candidate.revision == name and candidate.weight == 100:
            return
        others = self.proven
        if before.status.stable is not None:  # what drains without traffic is on its way out
            others = {one for one in others if before.share(one) or one in _named(before.status)}
        assert not any(before.revision(one).ready for one in others), "nobody has judged it"

    def _check_recovery(self, before: Observed, decision: Decision, stable: str) -> None:
        """Who has the traffic is the stable; by that nobody gets more than it had.

        But for an older one with pods and no traffic: it is a standby, as far as anybody can tell,
        and then the one with all traffic is watched once more.
        """
        here = {one for one in self.proven if before.share(one) or before.revision(one).ready}
        most = max((before.share(one) for one in here), default=0)
        standby = not before.share(stable) and decision.weights == before.traffic
        known = stable in here or not here or standby
        assert known or before.share(stable) > most, "not the stable one"
        candidate = decision.status.candidate
        if candidate is not None and all(t.reason != "StepReached" for t in decision.transitions):
            assert candidate.weight <= before.share(candidate.revision), "more than it had"

    def _note_rejection(self, before: Observed, decision: Decision, *, fresh: bool) -> None:
        verb = before.action.partition("/")[0] if fresh else ""
        if verb in FORCING:
            self.turned_back = None
        rejected = decision.status.rejected
        if any(t.reason == "Rejected" for t in decision.transitions) and rejected is not None:
            self.turned_back = rejected.revision if verb != "rollback" else None
        if before.wanted is not None and before.wanted.revision != self.turned_back:
            self.turned_back = None  # the spec asks for another one


def _named(status: ModelDeploymentStatus) -> set[str]:
    """Return the revisions that have a part to play."""
    return {r.revision for r in (status.stable, status.candidate, status.retreat) if r is not None}


def check_ready(before: Observed, decision: Decision) -> None:
    """One of three is True, and Ready only of what the spec asks for, with all traffic."""
    said = {c.type: c.status for c in decision.status.conditions}
    assert [said[k] for k in ("Ready", "Reconciling", "Stalled")].count("True") == 1
    if said["Ready"] == "True" and before.wanted is not None:
        assert decision.weights == {before.wanted.revision: 100}


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


def check_room(before: Observed, decision: Decision) -> None:
    """A share that rises stays within what is ready, while another one could carry it.

    But by command, and on a retreat from a version that answers wrongly with most of the stable's
    pods in place: bad answers are sure, overload is not.
    """
    status, spec = decision.status, before.spec
    candidate, stable, retreat = status.candidate, status.stable, status.retreat
    if stable is None or spec is None or not before.traffic:
        return
    if retreat is not None and (retreat.hurried or not retreat.paced):
        return
    if candidate is not None and candidate.forced:
        return
    names = {stable.revision, *before.traffic}
    if candidate is not None and retreat is None:  # else it waits for its turn
        names.add(candidate.revision)
    for name in names:
        share, can = decision.weights.get(name, 0), room(before, spec, name)
        if share <= max(before.share(name), can, 1):
            continue
        tried = candidate is not None and name == candidate.revision and share <= candidate.weight
        if tried and (not is_shared(spec) or before.revision(name).ready >= pods_at(spec, share)):
            continue  # its step was taken with the pods that were asked for
        others = names - {name}
        free = sum(max(0, room(before, spec, o) - decision.weights.get(o, 0)) for o in others)
        assert free <= 0, f"{name} gets {share} % with room for {can} %"


def pods_at(spec: ModelDeploymentSpec, share: int) -> int:
    """Return the pods of a candidate that shares capacity: at 100 % all but the reserve."""
    spared = max(1, math.ceil(spec.pods * spec.rollout.reserve / 100)) if share == 100 else 0
    return max(1, math.ceil(spec.pods * share / 100) - spared)


def room(before: Observed, spec: ModelDeploymentSpec, name: str) -> int:
    """Return the percent that a revision's ready pods carry, at most: more than the minimum of an
    autoscaler may be needed for all."""
    ready = before.revision(name).ready
    if not is_shared(spec):
        return min(100, 100 * ready // spec.pods)
    if ready and ready >= spec.pods - 1:  # the last one is freed by the traffic's going
        return 100
    return min(100, 10_000 * ready // (spec.pods * (100 - spec.rollout.reserve)))


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
