"""Ready, Reconciling and Stalled: what Flux, Argo CD and `kubectl wait` go by, as kstatus has them.

Exactly one of the three is True, so that no tool has to know which one counts first. Ready: what
the spec asks for has all traffic, and nothing is wrong. Stalled: it needs a person, or another
spec. Reconciling: neither, so a tool that waits goes on waiting
(docs/decisions/0047-gitops.md). Neighbour: `conditions` makes conditions of them.
"""

import math
from typing import Final, Literal, NamedTuple, assert_never

from ...api.duration import seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import Phase
from ..objects.resolver import RESOLVING
from ..observed import Observed, Problem
from ..plan.steps import steps_of
from ..state import Retreating, Rollout, State, Trying
from ..times import epoch, rfc3339
from .text import models_text

Kind = Literal["Ready", "Reconciling", "Stalled"]
KINDS: Final[tuple[Kind, ...]] = ("Ready", "Reconciling", "Stalled")


class Standing(NamedTuple):
    """Which of the three is True, and why."""

    kind: Kind
    reason: str
    message: str


def of_problem(problem: Problem) -> Standing:
    """Return where a spec stands that isn't accepted, or not yet."""
    kind: Kind = "Reconciling" if problem.reason == RESOLVING else "Stalled"
    return Standing(kind, problem.reason, problem.message)


def standing(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, phase: Phase, message: str
) -> Standing:
    """Return where a spec stands that is understood. `message` says what is going on."""
    if o.problem is not None:
        return of_problem(o.problem)
    state, reason = rollout.state, str(phase)
    match phase:
        case Phase.ROLLED_BACK:
            return Standing("Stalled", reason, message)
        case Phase.FAILED:
            # Nobody may give up on the fix of a dead version while it is being tried.
            return Standing("Reconciling" if _is_tried(spec, state) else "Stalled", reason, message)
        case Phase.ROLLING_BACK:
            hangs = isinstance(state, Retreating) and state.source.hurried
            return Standing("Stalled" if hangs else "Reconciling", reason, message)
        case Phase.STABLE | Phase.BAKING:
            return _serving(o, spec, rollout, phase, message)
        case Phase.PROGRESSING if isinstance(state, Trying) and state.candidate.asked_at:
            return Standing("Reconciling", "WaitingForApproval", message)
        case Phase.PENDING | Phase.PROGRESSING | Phase.PAUSED:
            return Standing("Reconciling", reason, message)
        case _:
            assert_never(phase)


def _is_tried(spec: ModelDeploymentSpec, state: State) -> bool:
    """Tell whether another revision is on its way, without waiting for a person."""
    match state:
        case Trying(paused=paused):
            return not paused and not spec.suspend
        case Retreating(waiting=waiting):
            return waiting is not None
        case _:
            return False


def _serving(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, phase: Phase, message: str
) -> Standing:
    """Return where a spec stands of which a revision has all traffic, or shall have it."""
    state = rollout.state
    serves = state.candidate if isinstance(state, Trying) else rollout.stable
    if serves is None or o.wanted is None or serves.revision != o.wanted.revision:
        reason = "Suspended" if spec.suspend else str(phase)
        return Standing("Reconciling", reason, message)
    if o.route is not None and o.route.accepted is False:
        return Standing("Reconciling", "RouteNotAccepted", o.route.message)
    # Of a stable without any traffic to read, the router is being changed.
    if o.share(serves.revision) < 100 and (o.traffic or isinstance(state, Trying)):
        return Standing("Reconciling", str(phase), message)
    if isinstance(state, Trying):
        return Standing("Ready", str(phase), _watched(spec, state, message))
    few = o.revision(serves.revision).ready < spec.pods
    return Standing("Ready", "Degraded" if few else "Serving", message)


def _watched(spec: ModelDeploymentSpec, state: Trying, message: str) -> str:
    """Say until when the last hold lasts, if there is data all the time.

    The same between two evaluations, so that saying it is no cause to write.
    """
    candidate = state.candidate
    if candidate.asked_at is not None:
        return message
    hold = seconds(steps_of(spec, candidate)[candidate.step - 1].hold)
    times = [epoch(t) for t in (candidate.step_at, candidate.evaluated_at) if t is not None]
    until = max(times, default=0.0) + max(0.0, hold - candidate.held_seconds)
    when = rfc3339(math.ceil(until)).replace(".000Z", "Z")
    return f"{models_text(candidate.models)} serves, watched until {when}; {message}"
