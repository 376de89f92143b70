"""Small, shared ways to change a rollout: tell a transition, reject a candidate, leave it."""

from typing import Any

from ...api.duration import seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import (
    CandidateStatus,
    Evidence,
    Phase,
    Rejected,
    RejectReason,
    Retreat,
    StableStatus,
    Transition,
)
from ..observed import Observed, Wanted
from ..plan.shared import is_shared
from ..plan.size import full_size
from ..signals.evidence import capped
from ..state import Retreating, Rollout, State, Steady, Trying
from ..times import epoch, rfc3339
from ..words.text import models_text

# Reasons of transitions, and so of Events. Users alert on them.
CREATED = "Created"
REPLACED = "Replaced"
HEALTHY = "Healthy"
RECOVERED = "StatusRecovered"
ROLLOUT_STARTED = "RolloutStarted"
STEP_REACHED = "StepReached"
PROMOTED = "Promoted"
REJECTED = "Rejected"
ROLLED_BACK = "RolledBack"
ROLLBACK_STALLED = "RollbackStalled"
SUPERSEDED = "Superseded"
REVERTED = "Reverted"
PAUSED = "Paused"
RESUMED = "Resumed"
RETRIED = "Retried"
APPROVAL_NEEDED = "ApprovalNeeded"
RESOLVING = "Resolving"
HURRIED = "RollbackHurried"
COMMAND_IGNORED = "CommandIgnored"
DEPRECATED = "VersionDeprecated"
ALIAS_MOVED = "AliasMoved"

WARNINGS = frozenset({REJECTED, COMMAND_IGNORED, ROLLBACK_STALLED, RECOVERED, DEPRECATED})

BY_COMMAND = " by command"  # how it is told of what the operator may do by itself, too


def note(
    o: Observed,
    rollout: Rollout,
    reason: str,
    message: str,
    *,
    phase: Phase,
    revision: str | None = None,
    weight: int | None = None,
    evidence: Evidence | None = None,
) -> Rollout:
    """Return the rollout with one more transition to tell.

    `evidence` is of what failed; what passed is in `status.signals` while it matters, and would
    only fill the history (docs/decisions/0026-a-bounded-status.md).
    """
    transition = Transition(
        time=rfc3339(o.now),
        reason=reason,
        message=capped(message),
        phase=phase,
        revision=revision,
        weight=weight,
        evidence=[evidence] if evidence is not None else [],
    )
    return Rollout(rollout.state, rollout.rest, (*rollout.told, transition))


def new_candidate(o: Observed, revision: str, models: list[Any]) -> CandidateStatus:
    """Return a candidate before its first step."""
    return CandidateStatus(
        revision=revision,
        models=models,
        started_at=rfc3339(o.now),
        restarts=o.revision(revision).restarts,
    )


def was_stable_lately(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, revision: str
) -> bool:
    """Tell whether a revision was the stable one within `rollout.revertWithin`."""
    within = seconds(spec.rollout.revert_within)
    return any(
        former.revision == revision and o.now - epoch(former.until) < within
        for former in rollout.rest.formerly
    )


def started(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, stable: StableStatus, wanted: Wanted
) -> Rollout:
    """Begin to try a revision."""
    held = rollout.state.held if isinstance(rollout.state, Steady) else False
    candidate = new_candidate(o, wanted.revision, list(wanted.models))
    straight = was_stable_lately(o, spec, rollout, wanted.revision)
    candidate = candidate.model_copy(update={"straight": straight})
    how = f", which was stable less than {spec.rollout.revert_within} ago" if straight else ""
    return note(
        o,
        rollout.to(Trying(stable, candidate, held), signals=[]),
        ROLLOUT_STARTED,
        f"rollout of {models_text(wanted.models)}{how}",
        phase=Phase.PROGRESSING,
        revision=wanted.revision,
        weight=0,
    )


def without_candidate(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, *, rejected: bool = False
) -> Rollout:
    """Drop the candidate; where it has traffic, that goes back to the stable.

    All at once if the stable carries traffic already with at least half of its pods: it can take
    the rest. Else, as from a standby, only as fast as its ready pods can carry it.
    """
    state = rollout.state
    if isinstance(state, Retreating):
        return rollout.to(Retreating(state.stable, state.source, None, False), signals=[])
    if not isinstance(state, Trying):
        return rollout
    stable, candidate = state.stable, state.candidate
    left: State = Steady(stable)
    if candidate.weight > 0 or o.share(candidate.revision) > 0:
        weak = 2 * o.revision(stable.revision).ready < full_size(o, spec, state)
        source = Retreat(
            revision=candidate.revision,
            paced=candidate.weight == 100 or weak or is_shared(spec),
            rejected=rejected,
            since=rfc3339(o.now),
        )
        left = Retreating(stable, source)
    return rollout.to(left, signals=[])


def fail(
    o: Observed,
    spec: ModelDeploymentSpec,
    rollout: Rollout,
    reason: RejectReason,
    message: str,
    evidence: Evidence | None = None,
) -> Rollout:
    """Do what `rollout.onFailure` says about a candidate that has failed: reject it, or pause.

    Paused already, nothing more is said.
    """
    state = rollout.state
    if not isinstance(state, Trying):
        return rollout
    if spec.rollout.on_failure == "Rollback":
        return reject(o, spec, rollout, reason, message, evidence)
    if state.paused:
        return rollout
    return note(
        o,
        rollout.to(Trying(state.stable, state.candidate, paused=True)),
        PAUSED,
        f"{reason}: {message}; paused, because onFailure is Pause",
        phase=Phase.PAUSED,
        revision=state.candidate.revision,
        weight=state.candidate.weight,
        evidence=evidence,
    )


def reject(
    o: Observed,
    spec: ModelDeploymentSpec,
    rollout: Rollout,
    reason: RejectReason,
    message: str,
    evidence: Evidence | None = None,
) -> Rollout:
    """Turn the candidate back for good: it gets no traffic until the spec or the user asks."""
    candidate = rollout.candidate
    if candidate is None:
        return rollout
    rejected = Rejected(
        revision=candidate.revision,
        models=candidate.models,
        reason=reason,
        message=capped(message),
        evidence=evidence,
        time=rfc3339(o.now),
    )
    signals = rollout.rest.signals
    # Though it was stable lately, another try takes all the steps.
    formerly = [f for f in rollout.rest.formerly if f.revision != candidate.revision]
    rollout = without_candidate(o, spec, rollout, rejected=True)
    rollout = rollout.but(rejected=rejected, signals=signals, formerly=formerly)
    return note(
        o,
        rollout,
        REJECTED,
        f"{reason}: {message}",
        phase=Phase.ROLLING_BACK,
        revision=candidate.revision,
        weight=0,
        evidence=evidence,
    )
