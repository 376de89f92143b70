"""Phase, message and conditions: what `kubectl get` and `kubectl describe` say.

Everything here follows from the status and the observed state, so that it can be said again at any
time without a change.
"""

from ...api.duration import human, seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import Condition, Evidence, ModelDeploymentStatus, Phase, Weight
from ..observed import Observed, Problem
from ..plan.capacity import full_size
from ..plan.steps import next_step, pods_for
from ..plan.traffic import others_answer, plan_weights
from ..rules.changes import models_text, update
from ..signals.baseline import missing
from ..signals.evidence import warns
from ..signals.health import NAME as HEALTH
from ..times import epoch, rfc3339


def describe(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus
) -> ModelDeploymentStatus:
    """Return the status with everything that is said about it brought up to date."""
    status = _traffic(o, status)
    phase = _phase(o, spec, status)
    message = o.problem.message if o.problem else _message(o, spec, status, phase)
    candidate = status.candidate
    return update(
        status,
        observed_generation=o.generation,
        phase=phase,
        message=message,
        step=f"{candidate.step}/{len(spec.rollout.steps)}" if candidate else None,
        conditions=_conditions(o, spec, status, phase, message),
    )


def describe_unaccepted(o: Observed) -> ModelDeploymentStatus:
    """Return the status where the spec can't be acted upon: all else stays as it was."""
    problem = o.problem or Problem("NotUnderstood", "the spec could not be understood")
    status = _traffic(o, o.status)
    accepted = _condition(o, status, "Accepted", "False", problem.reason, problem.message)
    return update(
        status,
        observed_generation=o.generation,
        phase=status.phase or Phase.PENDING,
        message=problem.message,
        conditions=[accepted, *(c for c in status.conditions if c.type != "Accepted")],
    )


def _traffic(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    traffic = [Weight(revision=name, weight=w) for name, w in sorted(o.traffic.items()) if w > 0]
    if traffic == status.traffic:
        return status
    return update(status, traffic=traffic, traffic_since=rfc3339(o.now))


def _phase(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> Phase:
    stable, candidate = status.stable, status.candidate
    if stable is None:
        return Phase.PENDING
    if stable.healthy_since is None:
        deadline = _first_deadline(spec, status)
        late = deadline is not None and o.now >= deadline
        return Phase.FAILED if late and not _serving(o, spec, status) else Phase.PENDING
    if not _serving(o, spec, status):
        return Phase.FAILED
    if status.retreat is not None:
        return Phase.ROLLING_BACK
    if candidate is not None:
        if status.paused or spec.suspend:
            return Phase.PAUSED
        return Phase.BAKING if candidate.weight == 100 else Phase.PROGRESSING
    return Phase.ROLLED_BACK if status.rejected is not None else Phase.STABLE


def first_deadline(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> float | None:
    """Return when a first deployment that isn't healthy counts as failed, in epoch seconds."""
    return _first_deadline(spec, status)


def _first_deadline(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> float | None:
    stable = status.stable
    if stable is None or stable.waiting_since is None:
        return None
    return epoch(stable.waiting_since) + seconds(spec.rollout.progress_deadline)


def _serving(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> bool:
    # No traffic can be read while the router is being changed: then what is planned will be so.
    traffic = o.traffic or plan_weights(o, spec, status)
    return any(o.revision(name).ready > 0 for name, share in traffic.items() if share > 0)


def _message(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus, phase: Phase
) -> str:
    stable, candidate, rejected = status.stable, status.candidate, status.rejected
    if stable is None:
        return "nothing deployed yet"
    if stable.healthy_since is None or phase is Phase.FAILED:
        state = o.revision(stable.revision)
        why = f": {state.why_not_ready}" if state.why_not_ready else ""
        return f"{models_text(stable.models)}: {state.ready} of {spec.pods} pods ready{why}"
    if status.retreat is not None:
        why = f" ({rejected.reason}: {rejected.message})" if rejected else ""
        return f"traffic goes back from {status.retreat.revision} to {stable.revision}{why}"
    if candidate is not None:
        return _rollout_message(o, spec, status)
    if rejected is not None:
        return (
            f"{models_text(rejected.models)} was turned back, {rejected.reason}: {rejected.message}"
        )
    return f"{models_text(stable.models)} serves"


def _rollout_message(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> str:
    candidate, steps = status.candidate, spec.rollout.steps
    assert candidate is not None
    parts = []
    if candidate.step:
        step = steps[candidate.step - 1]
        parts.append(
            f"step {candidate.step} of {len(steps)}: {candidate.weight} % held"
            f" {human(min(candidate.held_seconds, seconds(step.hold)))} of {step.hold}"
        )
    following = next_step(steps, candidate)
    if following is not None and (candidate.step == 0 or candidate.waiting_since):
        needed = pods_for(spec, steps[following - 1].weight, full_size(o, spec, status))
        parts.append(_waiting(o, spec, status, needed))
    parts += [f"no data for {e.signal}: {e.message}" for e in status.signals if missing(e)][:1]
    parts += [e.message for e in status.signals if e.signal == HEALTH and e.value]
    parts += [f"warning: {e.message}" for e in status.signals if warns(e) and e.signal != HEALTH]
    if status.paused or spec.suspend:
        parts.append("suspended by the spec" if spec.suspend else "paused")
    return "; ".join(parts)


def _waiting(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus, needed: int
) -> str:
    """Say what the next weight is waiting for, in the order in which the step asks for it."""
    candidate = status.candidate
    assert candidate is not None
    state = o.revision(candidate.revision)
    if state.ready < needed:
        why = f": {state.why_not_ready}" if state.why_not_ready else ""
        return f"waiting for pods, {state.ready} of {needed} ready{why}"
    ready = f"{state.ready} of {needed} pods ready"
    if status.paused or spec.suspend:
        return ready
    if state.known_at(o.now):
        return f"{ready}, waiting until the gateways know them"
    if others_answer(o, spec, status):
        return f"{ready}, waiting until the pods of earlier revisions are gone"
    if candidate.step == 0:
        return f"{ready}, waiting for Prometheus to see them"
    return ready


def _conditions(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    phase: Phase,
    message: str,
) -> list[Condition]:
    serving = _serving(o, spec, status)
    progress = {
        Phase.STABLE: ("True", "RolloutComplete"),
        Phase.PROGRESSING: ("True", "RolloutInProgress"),
        Phase.BAKING: ("True", "RolloutInProgress"),
        Phase.PENDING: ("True", "FirstDeployment"),
        Phase.ROLLING_BACK: ("True", "RollingBack"),
        Phase.PAUSED: ("Unknown", "Paused"),
        Phase.ROLLED_BACK: (
            "False",
            str(status.rejected.reason) if status.rejected else "RolledBack",
        ),
        Phase.FAILED: ("False", "NothingServes"),
    }[phase]
    found = (
        _condition(o, status, "Accepted", "True", "Pinned", "the spec is understood")
        if o.problem is None
        else _condition(o, status, "Accepted", "False", o.problem.reason, o.problem.message)
    )
    return [
        found,
        _condition(
            o,
            status,
            "Available",
            "True" if serving else "False",
            "Serving" if serving else "NoReadyPods",
            "pods with traffic are ready" if serving else "no pod with traffic is ready",
        ),
        _condition(o, status, "Progressing", progress[0], progress[1], message),
        _metrics_condition(o, status),
    ]


def _metrics_condition(o: Observed, status: ModelDeploymentStatus) -> Condition:
    signals = status.signals if status.candidate is not None else []
    absent = [e for e in signals if missing(e)]
    if absent:
        text = f"{absent[0].signal}: {absent[0].message}"
        reason = absent[0].reason or "NoData"
        return _condition(o, status, "MetricsAvailable", "False", reason, text)
    if any(e.signal != HEALTH for e in signals):
        return _condition(o, status, "MetricsAvailable", "True", "Measured", _measured(signals))
    return _condition(
        o, status, "MetricsAvailable", "Unknown", "NotMeasured", "no candidate is judged now"
    )


def _measured(signals: list[Evidence]) -> str:
    """Return that all is measured, and which signals warn."""
    warning = [f"{e.signal}: {e.message}" for e in signals if warns(e)]
    return "; warning: ".join(["every signal has data", *warning])[:1000]


def _condition(
    o: Observed, status: ModelDeploymentStatus, kind: str, value: str, reason: str, message: str
) -> Condition:
    before = next((c for c in status.conditions if c.type == kind), None)
    changed = before is None or before.status != value
    return Condition.model_validate(
        {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": message,
            "lastTransitionTime": rfc3339(o.now)
            if changed or before is None
            else before.last_transition_time,
            "observedGeneration": o.generation,
        }
    )
