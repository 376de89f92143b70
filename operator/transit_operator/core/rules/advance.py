"""Take the steps of a rollout: wait for pods, give the weight, promote in the end.

Neighbours: `evaluate` fills `held_seconds`; `plan.steps` knows the place; `plan.plan` gives the
weight; `retreat` ends what goes the other way.
"""

from typing import assert_never

from ...api.duration import human, seconds
from ...api.rollout import Step
from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus, Former, Phase, RejectReason, StableStatus
from ..observed import Observed
from ..plan.drained import drained_at
from ..plan.reached import others_answer, reached
from ..plan.shared import is_shared
from ..plan.size import full_size
from ..plan.steps import next_step, place, pods_for, steps_of
from ..signals.baseline import missing
from ..signals.evidence import counted, fails
from ..state import Empty, First, Retreating, Rollout, Steady, Trying
from ..times import epoch, rfc3339
from ..words.text import models_text
from . import changes
from .changes import note
from .checks import pass_checks
from .patience import all_ready, missing_pods, see_pods, too_late
from .retreat import retreat


def advance(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """Return the rollout after at most one step, or one rejection for pods that never came up."""
    state = rollout.state
    match state:
        case Empty() | Steady():
            return rollout
        case First(revision):
            return _first_healthy(o, spec, rollout, revision)
        case Retreating():
            rollout = retreat(o, spec, rollout, state)
            return rollout if isinstance(rollout.state, Retreating) else advance(o, spec, rollout)
        case Trying():
            return _step(o, spec, rollout, state)
        case _:
            assert_never(state)


def _first_healthy(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, first: StableStatus
) -> Rollout:
    """A first deployment is stable when all its pods are ready; after the deadline, if any is.

    For a quota or a full pool that leaves it with fewer pods, it serves all the same, and what
    comes next is compared with it.
    """
    state = o.revision(first.revision)
    known = not state.known_at(o.now, seconds(spec.traffic.settle))
    if first.served_since is None and state.ready and known and o.share(first.revision):
        first = first.model_copy(update={"served_since": rfc3339(o.now)})
        rollout = rollout.to(First(first))
    text = f"{models_text(first.models)} serves"
    if state.ready < spec.pods:
        since = first.waiting_since
        late = since is not None and _over(o, since, seconds(spec.rollout.progress_deadline))
        if not late or first.served_since is None or not state.ready:
            return rollout
        why = f": {state.why_not_ready}" if state.why_not_ready else ""
        text += f", with {state.ready} of {spec.pods} pods{why}"
    elif not known:
        return rollout
    stable = first.model_copy(
        update={"healthy_since": rfc3339(o.now), "waiting_since": None, "served_since": None}
    )
    return note(
        o,
        rollout.to(Steady(stable)),
        changes.HEALTHY,
        text,
        phase=Phase.STABLE,
        revision=stable.revision,
        weight=100,
    )


def _step(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying) -> Rollout:
    candidate = state.candidate
    steps = steps_of(spec, candidate)
    number = place(steps, candidate)
    asked = candidate.asked_at if number and steps[number - 1].approval else None  # or edited out
    at = {"step": number, "steps": len(steps), "asked_at": asked}
    state = Trying(state.stable, candidate.model_copy(update=at), state.paused)
    rollout = rollout.to(state)
    if (state.paused or spec.suspend) and state.candidate.forced is None:
        return _with(
            rollout, state, waiting_since=None, waited_seconds=0.0, most_ready=0, ready_at=None
        )
    following = next_step(steps, state.candidate)
    if following is not None:
        needed = _needed(o, spec, state, steps[following - 1])
        state = _trying(state, see_pods(o, spec, state.candidate, needed))
        rollout = rollout.to(state)
    if is_shared(spec) and (late := _stuck(o, spec, rollout, state)):
        return changes.fail(o, spec, rollout, RejectReason.NOT_READY, late)
    if not _may_go_on(o, spec, rollout, state):
        return rollout
    if _needs_approval(steps, state.candidate):
        return rollout if state.candidate.asked_at else _ask(o, rollout, state)
    if following is None:
        return _promote(o, rollout, state)
    return _go_to(o, spec, rollout, state, following)


def _with(rollout: Rollout, state: Trying, **changed: object) -> Rollout:
    return rollout.to(_trying(state, state.candidate.model_copy(update=changed)))


def _trying(state: Trying, candidate: CandidateStatus) -> Trying:
    return Trying(state.stable, candidate, state.paused)


def _needed(o: Observed, spec: ModelDeploymentSpec, state: Trying, step: Step) -> int:
    """Return how many of the candidate's pods must be ready before it gets a step's weight."""
    if is_shared(spec):
        return 1  # the weight is set, and traffic follows as pods change hands
    if state.candidate.forced and o.revision(state.candidate.revision).why_not_ready:
        return 1  # its pods are stuck, and a person wants to go on with those that are there
    return pods_for(spec, step.weight, full_size(o, spec, state))


def _may_go_on(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying) -> bool:
    """Tell whether the step is over: its hold has passed with data, or a command says so."""
    candidate = state.candidate
    if candidate.step == 0 or candidate.forced == "step":
        return True
    if candidate.forced == "full":
        return candidate.weight < 100 or reached(o, spec, state)
    if candidate.blind_since is not None or _unwell(spec, candidate):
        return False
    if candidate.waiting_since is not None:
        return True
    return _hold_is_over(o, spec, rollout, candidate)


def _unwell(spec: ModelDeploymentSpec, candidate: CandidateStatus) -> bool:
    health = spec.rollout.analysis.health
    return candidate.health_failures > 0 and health is not None and health.enforced


def _hold_is_over(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, candidate: CandidateStatus
) -> bool:
    hold = seconds(steps_of(spec, candidate)[candidate.step - 1].hold)
    return _measured_now(o, rollout) and candidate.passes > 0 and candidate.held_seconds >= hold


def _stuck(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying) -> str:
    """Return why traffic that should follow pods hasn't moved for the deadline; empty: it moves."""
    candidate, pods = state.candidate, o.revision(state.candidate.revision)
    if o.share(candidate.revision) > candidate.weight:
        return ""  # it carries what the stable has no pods for
    moved = [t for t in (candidate.step_at, rollout.rest.traffic_since) if t is not None]
    if candidate.weight == 0 or reached(o, spec, state) or not moved:
        return ""
    waited = o.now - max(map(epoch, moved))
    # The stable frees pods only when they have drained.
    begun = max(o.now - waited, drained_at(spec, rollout))
    if o.now < begun + seconds(spec.rollout.progress_deadline):
        return ""
    why = o.why_not_ready(candidate.revision) or "the cause is not known; see the pods' events"
    return (
        f"{o.share(candidate.revision)} of {candidate.weight} % after {human(waited)}, with"
        f" {counted(pods.ready, 'pod')} ready: {why}"
    )


def _needs_approval(steps: list[Step], candidate: CandidateStatus) -> bool:
    at = candidate.step
    return at > 0 and candidate.forced is None and steps[at - 1].approval


def _ask(o: Observed, rollout: Rollout, state: Trying) -> Rollout:
    """The hold is over, and the step wants a person's word."""
    candidate = state.candidate
    return note(
        o,
        _with(rollout, state, asked_at=rfc3339(o.now)),
        changes.APPROVAL_NEEDED,
        f"{candidate.weight} % went well: continue with the command promote, or reject with abort",
        phase=Phase.BAKING if candidate.weight == 100 else Phase.PROGRESSING,
        revision=candidate.revision,
        weight=candidate.weight,
    )


def _measured_now(o: Observed, rollout: Rollout) -> bool:
    """Tell whether this look is an evaluation, and nothing in it is missing or failing."""
    signals = rollout.rest.signals
    return o.readings is not None and not any(missing(e) or fails(e) for e in signals)


def _go_to(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying, number: int
) -> Rollout:
    """Give the step its weight when its pods are ready; reject the candidate if they never are.

    The first one also waits for Prometheus to see them (docs/decisions/0018-seen-before-tried.md).
    """
    candidate = state.candidate
    steps = steps_of(spec, candidate)
    step = steps[number - 1]
    pods = o.revision(candidate.revision)
    needed = _needed(o, spec, state, step)
    if pods.ready < needed:
        candidate = missing_pods(o, spec, rollout, state)
        rollout = rollout.to(_trying(state, candidate))
        late = too_late(o, spec, candidate, needed)
        return changes.fail(o, spec, rollout, RejectReason.NOT_READY, late) if late else rollout
    if pods.known_at(o.now, seconds(spec.traffic.settle)) or others_answer(o, spec, state):
        return rollout.to(_trying(state, all_ready(o, candidate)))
    unknown = candidate.forced is None and not candidate.straight
    first_share = candidate.step == 0 and step.weight > 0 and unknown
    unseen = first_share and not _measured_now(o, rollout)
    checked = candidate.weight == 0 and step.weight > 0 and unknown and spec.rollout.checks
    if checked and (candidate.checked_at is not None or not unseen):
        rollout, passed = pass_checks(o, spec, rollout, state)
        if not passed or not isinstance(rollout.state, Trying):
            return rollout
        state = rollout.state
    if unseen:
        return rollout
    rollout = _with(
        rollout,
        state,
        step=number,
        weight=step.weight,
        held_seconds=0.0,
        passes=0,
        step_at=rfc3339(o.now),
        waiting_since=None,
        waited_seconds=0.0,
        most_ready=0,
        ready_at=None,
        pods=pods.ready if is_shared(spec) else needed,
        health_failures=0,
        asked_at=None,
        forced=candidate.forced if candidate.forced == "full" else None,
    )
    return note(
        o,
        rollout,
        changes.STEP_REACHED,
        f"step {number} of {len(steps)}: {step.weight} % for {step.hold}",
        phase=Phase.BAKING if step.weight == 100 else Phase.PROGRESSING,
        revision=candidate.revision,
        weight=step.weight,
    )


def _over(o: Observed, since: str, limit: float) -> bool:
    return o.now - epoch(since) >= limit


def _promote(o: Observed, rollout: Rollout, state: Trying) -> Rollout:
    """The candidate's Deployment becomes the stable one as it is: no pod restarts."""
    candidate = state.candidate
    stable = StableStatus(
        revision=candidate.revision,
        models=candidate.models,
        differing=candidate.differing,
        healthy_since=rfc3339(o.now),
    )
    return note(
        o,
        rollout.to(
            Steady(stable),
            previous=state.stable,
            formerly=_formerly(o, rollout, state),
            signals=[],
        ),
        changes.PROMOTED,
        f"{models_text(candidate.models)} is the stable version",
        phase=Phase.STABLE,
        revision=candidate.revision,
        weight=100,
    )


def _formerly(o: Observed, rollout: Rollout, state: Trying) -> list[Former]:
    """Return the earlier stable revisions, without one that a person has just turned away from."""
    gone = {state.candidate.revision, state.stable.revision}
    formerly = [former for former in rollout.rest.formerly if former.revision not in gone]
    rejected = rollout.rest.rejected
    if rejected is None or rejected.revision != state.stable.revision:
        formerly.append(Former(revision=state.stable.revision, until=rfc3339(o.now)))
    return formerly[-10:]
