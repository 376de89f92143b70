"""Take the steps of a rollout: wait for pods, give the weight, promote in the end.

Neighbours: `evaluate` fills `held_seconds`; `steps` knows the place; `traffic` gives the weight.
"""

from ...api.duration import human, seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import (
    CandidateStatus,
    Evidence,
    ModelDeploymentStatus,
    Phase,
    RejectReason,
    StableStatus,
)
from ..observed import Observed
from ..plan.capacity import full_size
from ..plan.steps import next_step, place, pods_for
from ..plan.traffic import others_answer, reached
from ..signals.baseline import missing
from ..signals.evidence import fails
from ..times import epoch, rfc3339
from . import changes
from .changes import models_text, note, update


def advance(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus
) -> ModelDeploymentStatus:
    """Return the status after at most one step, or one rejection for pods that never came up."""
    status = _settle_retreat(o, status)
    status = _first_healthy(o, spec, status)
    candidate = status.candidate
    if candidate is None or status.stable is None or status.retreat is not None:
        return status
    steps = spec.rollout.steps
    candidate = candidate.model_copy(update={"step": place(steps, candidate), "steps": len(steps)})
    status = update(status, candidate=candidate)
    halted = (status.paused or spec.suspend) and candidate.forced is None
    if halted:
        return update(status, candidate=candidate.model_copy(update={"waiting_since": None}))
    if not _may_go_on(o, spec, status, candidate):
        return status
    following = next_step(steps, candidate)
    if following is None:
        return _promote(o, status, candidate)
    return _go_to(o, spec, status, candidate, following)


def _settle_retreat(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """End a retreat when the traffic really is back."""
    retreat, stable = status.retreat, status.stable
    if retreat is None or stable is None:
        return status
    back = retreat.revision == stable.revision or o.share(stable.revision) == 100
    if not back and not _stable_is_dead(o, status):
        return status
    if not back:  # nowhere to go back to: the next candidate takes over, as the safety net has it
        return update(status, retreat=None)
    return note(
        o,
        update(status, retreat=None),
        changes.ROLLED_BACK,
        f"all traffic is with {stable.revision} ({models_text(stable.models)})",
        phase=Phase.ROLLED_BACK if status.rejected else Phase.STABLE,
        revision=stable.revision,
        weight=100,
    )


def _stable_is_dead(o: Observed, status: ModelDeploymentStatus) -> bool:
    """Tell whether a new candidate is ready while the stable has no pod to give traffic to."""
    candidate, stable, retreat = status.candidate, status.stable, status.retreat
    if candidate is None or stable is None or retreat is None:
        return False
    if candidate.revision == retreat.revision:
        return False
    return o.revision(stable.revision).ready == 0 and o.revision(candidate.revision).ready > 0


def _first_healthy(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus
) -> ModelDeploymentStatus:
    """A first deployment is stable when all its pods are ready, not before."""
    stable = status.stable
    if stable is None or stable.healthy_since is not None:
        return status
    state = o.revision(stable.revision)
    if state.ready < spec.pods or state.known_at(o.now):
        return status
    stable = stable.model_copy(update={"healthy_since": rfc3339(o.now), "waiting_since": None})
    return note(
        o,
        update(status, stable=stable),
        changes.HEALTHY,
        f"{models_text(stable.models)} serves",
        phase=Phase.STABLE,
        revision=stable.revision,
        weight=100,
    )


def _may_go_on(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    candidate: CandidateStatus,
) -> bool:
    """Tell whether the step is over: its hold has passed with data, or a command says so."""
    if candidate.step == 0 or candidate.forced == "step":
        return True
    if candidate.forced == "full":
        return candidate.weight < 100 or reached(o, spec, candidate, status.stable)
    if candidate.blind_since is not None or _unwell(spec, candidate):
        return False
    if candidate.waiting_since is not None:
        return True
    hold = seconds(spec.rollout.steps[candidate.step - 1].hold)
    return _measured_now(o, status) and candidate.passes > 0 and candidate.held_seconds >= hold


def _unwell(spec: ModelDeploymentSpec, candidate: CandidateStatus) -> bool:
    health = spec.rollout.analysis.health
    return candidate.health_failures > 0 and health is not None and health.enforced


def _measured_now(o: Observed, status: ModelDeploymentStatus) -> bool:
    """Tell whether this look is an evaluation, and nothing in it is missing or failing."""
    return o.readings is not None and not any(missing(e) or fails(e) for e in status.signals)


def _go_to(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    candidate: CandidateStatus,
    number: int,
) -> ModelDeploymentStatus:
    """Give the step its weight when its pods are ready; reject the candidate if they never are.

    The first one also waits for Prometheus to see them (docs/decisions/0018-seen-before-tried.md).
    """
    step = spec.rollout.steps[number - 1]
    state = o.revision(candidate.revision)
    needed = pods_for(spec, step.weight, full_size(o, spec, status))
    if candidate.forced and state.why_not_ready:
        needed = 1  # its pods are stuck, and a person wants to go on with those that are there
    if state.ready < needed or state.known_at(o.now) or others_answer(o, spec, status):
        return _await_pods(o, spec, status, candidate, needed)
    first_share = candidate.step == 0 and step.weight > 0 and candidate.forced is None
    if first_share and not _measured_now(o, status):
        return update(status, candidate=candidate.model_copy(update={"waiting_since": None}))
    candidate = candidate.model_copy(
        update={
            "step": number,
            "weight": step.weight,
            "held_seconds": 0.0,
            "passes": 0,
            "step_at": rfc3339(o.now),
            "waiting_since": None,
            "pods": needed,
            "restarts": state.restarts,
            "health_failures": 0,
            "forced": candidate.forced if candidate.forced == "full" else None,
        }
    )
    evidence: list[Evidence] = status.signals
    return note(
        o,
        update(status, candidate=candidate),
        changes.STEP_REACHED,
        f"step {number} of {len(spec.rollout.steps)}: {step.weight} % for {step.hold}",
        phase=Phase.BAKING if step.weight == 100 else Phase.PROGRESSING,
        revision=candidate.revision,
        weight=step.weight,
        evidence=evidence,
    )


def _await_pods(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    candidate: CandidateStatus,
    needed: int,
) -> ModelDeploymentStatus:
    since = candidate.waiting_since or rfc3339(o.now)
    waited = o.now - epoch(since)
    candidate = candidate.model_copy(update={"waiting_since": since})
    status = update(status, candidate=candidate)
    if waited < seconds(spec.rollout.progress_deadline):
        return status
    state = o.revision(candidate.revision)
    why = state.why_not_ready or "the cause is not known; see the pods' events"
    text = f"{state.ready} of {needed} pods ready after {human(waited)}: {why}"
    return changes.fail(o, spec, status, RejectReason.NOT_READY, text)


def _promote(
    o: Observed, status: ModelDeploymentStatus, candidate: CandidateStatus
) -> ModelDeploymentStatus:
    """The candidate's Deployment becomes the stable one as it is: no pod restarts."""
    status = update(
        status,
        stable=StableStatus(
            revision=candidate.revision,
            models=candidate.models,
            healthy_since=rfc3339(o.now),
        ),
        previous=status.stable,
        candidate=None,
        paused=False,
        signals=[],
    )
    return note(
        o,
        status,
        changes.PROMOTED,
        f"{models_text(candidate.models)} is the stable version",
        phase=Phase.STABLE,
        revision=candidate.revision,
        weight=100,
    )
