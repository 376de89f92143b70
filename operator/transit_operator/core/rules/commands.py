"""The annotation `transit.dev/action: VERB/TOKEN`: each value acts once, in any state.

Neighbours: `decide` calls `handle` first, so that a command wins over what the analysis would do.
"""

import hashlib
from collections.abc import Callable
from typing import Literal, assert_never

from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus, Phase, Pins, Rejected, RejectReason
from ..objects.revision import content_key
from ..observed import Observed
from ..signals.evidence import counted
from ..state import Empty, First, Retreating, Rollout, Steady, Trying
from ..times import rfc3339
from ..words.text import models_text
from . import changes
from .changes import note

_LONGEST = 256  # letters of an annotation that are kept as they are

Handler = Callable[[Observed, ModelDeploymentSpec, Rollout], Rollout]


def handle(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """Carry out the command that is asked for, unless it was handled before."""
    action = remembered(o.action)
    if not action or action == rollout.rest.handled_action:
        return rollout
    verb = o.action.partition("/")[0]
    handler = HANDLERS.get(verb)
    if handler is None:
        verbs = ", ".join(sorted(HANDLERS))
        rollout = _ignored(o, rollout, f"{verb!r} is not a command; the commands are {verbs}")
    else:
        rollout = handler(o, spec, rollout)
    return rollout.but(handled_action=action)


def remembered(action: str) -> str:
    """Return what the status keeps of a command: of one that is no command, perhaps, its hash.

    An annotation may have 256 KiB, and no command is that long.
    """
    if len(action) <= _LONGEST:
        return action
    return f"sha256:{hashlib.sha256(action.encode(errors='replace')).hexdigest()}"


def _promote(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    match rollout.state:
        case Trying() | Retreating(waiting=CandidateStatus()):
            return _forced(rollout, "step")
        case Retreating(source=source):
            why = f"traffic goes back from {source.revision}; promote-full turns that round"
            return _ignored(o, rollout, why)
        case Empty() | First() | Steady():
            return _ignored(o, rollout, "nothing to promote: there is no candidate")
        case _:
            assert_never(rollout.state)


def _promote_full(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    state = rollout.state
    match state:
        case Trying() | Retreating(waiting=CandidateStatus()):
            return _forced(rollout, "full")
        case Retreating():
            return _turn_round(o, rollout, state)
        case Empty() | First() | Steady():
            return _ignored(o, rollout, "nothing to promote: there is no candidate")
        case _:
            assert_never(state)


def _turn_round(o: Observed, rollout: Rollout, state: Retreating) -> Rollout:
    """A person wants the revision that traffic is being taken from, whatever was found wrong."""
    revision = state.source.revision
    if o.wanted is None or o.wanted.revision != revision:
        return _ignored(o, rollout, f"the spec does not ask for {revision} any more")
    candidate = changes.new_candidate(o, revision, list(o.wanted.models))
    candidate = candidate.model_copy(update={"forced": "full"})
    return note(
        o,
        rollout.to(Trying(state.stable, candidate), rejected=None),
        changes.RETRIED,
        f"{revision} gets all traffic by command",
        phase=Phase.PROGRESSING,
        revision=revision,
    )


def _forced(rollout: Rollout, how: Literal["step", "full"]) -> Rollout:
    state = rollout.state
    match state:
        case Trying(stable, candidate):
            candidate = candidate.model_copy(update={"forced": how})
            return rollout.to(Trying(stable, candidate))
        case Retreating(stable, source, CandidateStatus() as waiting):
            waiting = waiting.model_copy(update={"forced": how})
            return rollout.to(Retreating(stable, source, waiting))
        case _:
            return rollout


def _abort(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    state = rollout.state
    match state:
        case Trying() | Retreating(waiting=CandidateStatus()):
            return changes.reject(o, spec, rollout, RejectReason.ABORTED, "aborted by command")
        case Retreating():
            return _hurry(o, rollout, state)
        case Empty() | First() | Steady():
            return _ignored(o, rollout, "nothing to abort: there is no candidate")
        case _:
            assert_never(state)


def _hurry(o: Observed, rollout: Rollout, state: Retreating) -> Rollout:
    """Traffic goes back already: now at once, to as many pods as are ready."""
    stable, source = state.stable.revision, state.source
    ready = o.revision(stable).ready
    what = f"all traffic goes to {counted(ready, 'ready pod')} of {stable} by command"
    if not ready:
        what = f"all traffic goes to {stable} as soon as one of its pods is ready"
    source = source.model_copy(update={"hurried": True})
    return note(
        o,
        rollout.to(Retreating(state.stable, source, state.waiting, state.held)),
        changes.HURRIED,
        what,
        phase=Phase.ROLLING_BACK,
        revision=stable,
    )


def _rollback(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    state = rollout.state
    match state:
        case Trying():
            return _abort(o, spec, rollout)
        case Retreating():
            if state.waiting is not None:
                rollout = _abort(o, spec, rollout)
            assert isinstance(rollout.state, Retreating)
            return _hurry(o, rollout, rollout.state)
        case Steady():
            return _to_previous(o, rollout, state)
        case Empty() | First():
            return _ignored(o, rollout, _NO_PREVIOUS)
        case _:
            assert_never(state)


_NO_PREVIOUS = "nothing to roll back to: there was no stable before this one"


def _to_previous(o: Observed, rollout: Rollout, state: Steady) -> Rollout:
    if rollout.rest.rejected is not None:
        revision = rollout.rest.rejected.revision
        why = f"{revision} was rolled back already; the spec names the next version"
        return _ignored(o, rollout, why)
    stable, previous = state.stable, rollout.rest.previous
    if previous is None or previous.revision == stable.revision:
        return _ignored(o, rollout, _NO_PREVIOUS)
    rejected = Rejected(
        revision=stable.revision,
        models=stable.models,
        reason=RejectReason.ABORTED,
        message=f"rolled back to {previous.revision} by command",
        time=rfc3339(o.now),
    )
    candidate = changes.new_candidate(o, previous.revision, previous.models)
    candidate = candidate.model_copy(update={"forced": "full"})
    return note(
        o,
        rollout.to(Trying(stable, candidate), rejected=rejected),
        changes.REJECTED,
        rejected.message,
        phase=Phase.PROGRESSING,
        revision=stable.revision,
    )


def _retry(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    if rollout.rest.rejected is None:
        return _ignored(o, rollout, "nothing to retry: no revision was rejected")
    revision = rollout.rest.rejected.revision
    return note(
        o,
        rollout.but(rejected=None),
        changes.RETRIED,
        f"{revision} is tried again by command",
        phase=Phase.PROGRESSING,
        revision=revision,
    )


def _pause(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    if _paused(rollout):
        return _ignored(o, rollout, "it is already paused")
    paused = _with_pause(rollout, True)
    if paused is None:
        return _ignored(o, rollout, "nothing to pause: a first deployment takes no steps")
    return note(o, paused, changes.PAUSED, "paused by command", phase=Phase.PAUSED)


def _resume(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    resumed = _with_pause(rollout, False)
    if resumed is None or not _paused(rollout):
        return _ignored(o, rollout, "nothing to resume: it isn't paused")
    return note(o, resumed, changes.RESUMED, "resumed by command", phase=Phase.PROGRESSING)


def _resolve(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """Forget what the versions meant, so that they are looked up anew, and take what is found.

    An alias may have moved; and whoever has replaced the content of a version on purpose says so by
    this.
    """
    phase = rollout.rest.phase or Phase.PENDING
    anew = rollout.but(pins=Pins(key=content_key(spec), models=[]))
    text = f"{models_text(spec.models)}: resolved again by command"
    return note(o, anew, changes.RESOLVING, text, phase=phase)


def _paused(rollout: Rollout) -> bool:
    match rollout.state:
        case Trying(paused=paused) | Steady(held=paused) | Retreating(held=paused):
            return paused
        case Empty() | First():
            return False


def _with_pause(rollout: Rollout, paused: bool) -> Rollout | None:
    """Return the rollout paused or not; None where there is nothing to pause.

    The last word counts: a pause ends a promote that still waits.
    """
    calm = {"forced": None}
    match rollout.state:
        case Trying(stable, candidate):
            if paused:
                candidate = candidate.model_copy(update=calm)
            return rollout.to(Trying(stable, candidate, paused))
        case Steady(stable):
            return rollout.to(Steady(stable, paused))
        case Retreating(stable, source, waiting):
            if waiting is not None and paused:
                waiting = waiting.model_copy(update=calm)
            return rollout.to(Retreating(stable, source, waiting, paused))
        case Empty() | First():
            return None


def _ignored(o: Observed, rollout: Rollout, why: str) -> Rollout:
    phase = rollout.rest.phase or Phase.PENDING
    return note(o, rollout, changes.COMMAND_IGNORED, f"{o.action}: {why}", phase=phase)


HANDLERS: dict[str, Handler] = {
    "promote": _promote,
    "promote-full": _promote_full,
    "abort": _abort,
    "rollback": _rollback,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "resolve": _resolve,
}
