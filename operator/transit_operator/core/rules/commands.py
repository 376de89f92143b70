"""The annotation `transit.dev/action: VERB/TOKEN`: each value acts once, in any state.

Neighbours: `decide` calls `handle` first, so that a command wins over what the analysis would do.
"""

from collections.abc import Callable

from ...api.status import CandidateStatus, ModelDeploymentStatus, Phase, Rejected, RejectReason
from ..observed import Observed
from ..times import rfc3339
from . import changes
from .changes import note, update

Handler = Callable[[Observed, ModelDeploymentStatus], ModelDeploymentStatus]


def handle(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Carry out the command that is asked for, unless it was handled before."""
    if not o.action or o.action == status.handled_action:
        return status
    verb = o.action.partition("/")[0]
    handler = HANDLERS.get(verb)
    if handler is None:
        verbs = ", ".join(sorted(HANDLERS))
        status = _ignored(o, status, f"{verb!r} is no command; the commands are {verbs}")
    else:
        status = handler(o, status)
    return update(status, handled_action=o.action)


def _promote(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    return _force(o, status, "step")


def _promote_full(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    return _force(o, status, "full")


def _force(o: Observed, status: ModelDeploymentStatus, forced: str) -> ModelDeploymentStatus:
    if status.candidate is None:
        return _ignored(o, status, "nothing to promote: there is no candidate")
    return update(
        status,
        candidate=status.candidate.model_copy(update={"forced": forced}),
        paused=False,
    )


def _abort(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if status.candidate is None:
        return _ignored(o, status, "nothing to abort: there is no candidate")
    status = changes.reject(o, status, RejectReason.ABORTED, "aborted by command")
    return update(status, paused=False)


def _rollback(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if status.candidate is not None:
        return _abort(o, status)
    if status.rejected is not None:
        why = f"{status.rejected.revision} was turned back already; the spec names the next version"
        return _ignored(o, status, why)
    stable, previous = status.stable, status.previous
    if stable is None or previous is None:
        return _ignored(o, status, "nothing to roll back to: there was no stable before this one")
    rejected = Rejected(
        revision=stable.revision,
        models=stable.models,
        reason=RejectReason.ABORTED,
        message=f"rolled back to {previous.revision} by command",
        time=rfc3339(o.now),
    )
    candidate = CandidateStatus(
        revision=previous.revision,
        models=previous.models,
        started_at=rfc3339(o.now),
        forced="full",
    )
    status = update(status, candidate=candidate, rejected=rejected, paused=False)
    return note(
        o,
        status,
        changes.REJECTED,
        rejected.message,
        phase=Phase.PROGRESSING,
        revision=stable.revision,
    )


def _retry(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if status.rejected is None:
        return _ignored(o, status, "nothing to retry: no revision was rejected")
    revision = status.rejected.revision
    status = update(status, rejected=None)
    return note(
        o,
        status,
        changes.RETRIED,
        f"{revision} is tried again by command",
        phase=Phase.PROGRESSING,
        revision=revision,
    )


def _pause(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if status.paused:
        return _ignored(o, status, "it is paused already")
    candidate = status.candidate
    if candidate is not None:  # the last word counts, not a promote that still waits
        candidate = candidate.model_copy(update={"forced": None})
    status = update(status, paused=True, candidate=candidate)
    return note(o, status, changes.PAUSED, "paused by command", phase=Phase.PAUSED)


def _resume(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if not status.paused:
        return _ignored(o, status, "nothing to resume: it isn't paused")
    status = update(status, paused=False)
    return note(o, status, changes.RESUMED, "resumed by command", phase=Phase.PROGRESSING)


def _ignored(o: Observed, status: ModelDeploymentStatus, why: str) -> ModelDeploymentStatus:
    phase = status.phase or Phase.PENDING
    return note(o, status, changes.COMMAND_IGNORED, f"{o.action}: {why}", phase=phase)


HANDLERS: dict[str, Handler] = {
    "promote": _promote,
    "promote-full": _promote_full,
    "abort": _abort,
    "rollback": _rollback,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
}
