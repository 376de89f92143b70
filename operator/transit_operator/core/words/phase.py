"""The phase, and the one line that says what is going on."""

from typing import assert_never

from ...api.duration import human, seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import Phase, StableStatus
from ..observed import Observed
from ..plan.plan import Plan
from ..plan.reached import others_answer
from ..plan.steps import next_step, pods_for, steps_of
from ..signals.baseline import absent
from ..signals.evidence import warns
from ..signals.health import NAME as HEALTH
from ..state import Empty, First, Retreating, Rollout, Steady, Trying
from ..times import epoch
from .text import models_text


def phase_of(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, plan: Plan) -> Phase:
    """Return the phase, as people read it."""
    state, serves = rollout.state, serving(o, plan)
    match state:
        case Empty():
            return Phase.PENDING
        case First(revision):
            deadline = first_deadline(spec, revision)
            late = deadline is not None and o.now >= deadline
            return Phase.FAILED if late and not serves else Phase.PENDING
        case _ if not serves:
            return Phase.FAILED
        case Retreating():
            return Phase.ROLLING_BACK
        case Trying(candidate=candidate, paused=paused):
            if paused or spec.suspend:
                return Phase.PAUSED
            return Phase.BAKING if candidate.weight == 100 else Phase.PROGRESSING
        case Steady():
            return Phase.ROLLED_BACK if rollout.rest.rejected is not None else Phase.STABLE
        case _:
            assert_never(state)


def serving(o: Observed, plan: Plan) -> bool:
    """Tell whether a pod with traffic is ready."""
    # No traffic can be read while the router is being changed: then what is planned will be so.
    traffic = o.traffic or plan.weights
    return any(o.revision(name).ready > 0 for name, share in traffic.items() if share > 0)


def first_deadline(spec: ModelDeploymentSpec, first: StableStatus) -> float | None:
    """Return when a first deployment that isn't healthy counts as late, in epoch seconds."""
    if first.waiting_since is None:
        return None
    return epoch(first.waiting_since) + seconds(spec.rollout.progress_deadline)


def message_of(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, plan: Plan, phase: Phase
) -> str:
    """Return in one line what is going on."""
    state, rejected = rollout.state, rollout.rest.rejected
    match state:
        case Empty():
            return "nothing deployed yet"
        case First(revision):
            return _pods_text(o, revision, spec.pods)
        case Steady(stable) | Trying(stable) | Retreating(stable) if phase is Phase.FAILED:
            return _pods_text(o, stable, spec.pods)
        case Retreating(stable, source):
            why = f" ({rejected.reason}: {rejected.message})" if rejected else ""
            text = f"traffic goes back from {source.revision} to {stable.revision}{why}"
            return f"{text}; {_pods_text(o, stable, plan.full)}" if source.hurried else text
        case Trying():
            return _rollout_message(o, spec, rollout, state, plan)
        case Steady(stable):
            ready = o.revision(stable.revision).ready
            short = f"; {_pods_text(o, stable, spec.pods)}" if ready < spec.pods else ""
            scaling = o.scalings.get(stable.revision)
            if spec.autoscaling is not None and scaling is not None and scaling.active is False:
                short += f"; {scaling.message}"
            if rejected is not None:
                what = models_text(rejected.models)
                return f"{what} was rolled back, {rejected.reason}: {rejected.message}{short}"
            if spec.suspend and o.wanted is not None and o.wanted.revision != stable.revision:
                short += f"; {models_text(o.wanted.models)} is suspended by the spec"
            others = sorted(name for name in o.traffic if name != stable.revision)
            if others and not o.share(stable.revision):
                return f"{', '.join(others)} serves until {models_text(stable.models)} can{short}"
            return f"{models_text(stable.models)} serves{short}"
        case _:
            assert_never(state)


def _pods_text(o: Observed, revision: StableStatus, needed: int) -> str:
    state = o.revision(revision.revision)
    why = f": {state.why_not_ready}" if state.why_not_ready else ""
    return f"{models_text(revision.models)}: {state.ready} of {needed} pods ready{why}"


def _rollout_message(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying, plan: Plan
) -> str:
    candidate, signals = state.candidate, rollout.rest.signals
    steps = steps_of(spec, candidate)
    parts = []
    if candidate.step:
        step = steps[candidate.step - 1]
        parts.append(
            f"step {candidate.step} of {len(steps)}: {candidate.weight} % held"
            f" {human(min(candidate.held_seconds, seconds(step.hold)))} of {step.hold}"
        )
    following = next_step(steps, candidate)
    if following is not None and (candidate.step == 0 or candidate.waiting_since):
        needed = pods_for(spec, steps[following - 1].weight, plan.full)
        parts.append(_waiting(o, spec, state, needed))
    parts += [f"no data for {e.signal}: {e.message}" for e in absent(signals)[:1]]
    parts += [e.message for e in signals if e.signal == HEALTH and e.value]
    parts += [f"warning: {e.message}" for e in signals if warns(e) and e.signal != HEALTH]
    if candidate.asked_at is not None:
        parts.append("waits for approval: continue with the command promote")
    if state.paused or spec.suspend:
        parts.append("suspended by the spec" if spec.suspend else "paused")
    return "; ".join(parts)


def _waiting(o: Observed, spec: ModelDeploymentSpec, state: Trying, needed: int) -> str:
    """Say what the next weight is waiting for, in the order in which the step asks for it."""
    pods = o.revision(state.candidate.revision)
    if pods.ready < needed:
        why = f": {pods.why_not_ready}" if pods.why_not_ready else ""
        return f"waiting for pods, {pods.ready} of {needed} ready{why}"
    ready = f"{pods.ready} of {needed} pods ready"
    if state.paused or spec.suspend:
        return ready
    if pods.known_at(o.now, seconds(spec.traffic.settle)):
        return f"{ready}, waiting until the gateways know them"
    if others_answer(o, spec, state):
        return f"{ready}, waiting until the pods of earlier revisions are gone"
    if running := [check.name for check in state.candidate.checks if check.state == "Running"]:
        return f"{ready}, waiting for the checks {', '.join(running)}"
    if state.candidate.step == 0:
        return f"{ready}, waiting for Prometheus to see them"
    return ready
