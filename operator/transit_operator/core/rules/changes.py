"""Small, shared ways to change a status: log a transition, reject a candidate, start a retreat."""

from typing import Any

from ...api.spec import ModelDeploymentSpec
from ...api.status import (
    HISTORY_LENGTH,
    Evidence,
    ModelDeploymentStatus,
    Phase,
    Rejected,
    RejectReason,
    Retreat,
    Transition,
)
from ..observed import Observed
from ..times import rfc3339

# Reasons of transitions, and so of Events. Users alert on them.
CREATED = "Created"
REPLACED = "Replaced"
HEALTHY = "Healthy"
ROLLOUT_STARTED = "RolloutStarted"
STEP_REACHED = "StepReached"
PROMOTED = "Promoted"
REJECTED = "Rejected"
ROLLED_BACK = "RolledBack"
SUPERSEDED = "Superseded"
REVERTED = "Reverted"
PAUSED = "Paused"
RESUMED = "Resumed"
RETRIED = "Retried"
COMMAND_IGNORED = "CommandIgnored"


def update(status: ModelDeploymentStatus, **changes: Any) -> ModelDeploymentStatus:
    """Return the status with some fields replaced."""
    return status.model_copy(update=changes)


def note(
    o: Observed,
    status: ModelDeploymentStatus,
    reason: str,
    message: str,
    *,
    phase: Phase,
    revision: str | None = None,
    weight: int | None = None,
    evidence: list[Evidence] | None = None,
) -> ModelDeploymentStatus:
    """Return the status with one more transition in its history."""
    transition = Transition(
        time=rfc3339(o.now),
        reason=reason,
        message=message,
        phase=phase,
        revision=revision,
        weight=weight,
        evidence=evidence or [],
    )
    return update(status, history=[*status.history, transition][-HISTORY_LENGTH:])


def retreat_from_candidate(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Drop the candidate; where it has traffic, that goes back to stable.

    During the last hold the stable is a smaller standby: then only as fast as it can carry.
    """
    candidate = status.candidate
    if candidate is None:
        return status
    has_traffic = candidate.weight > 0 or o.share(candidate.revision) > 0
    retreat = (
        Retreat(revision=candidate.revision, paced=candidate.weight == 100, since=rfc3339(o.now))
        if has_traffic
        else status.retreat
    )
    return update(status, candidate=None, retreat=retreat, signals=[])


def fail(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    reason: RejectReason,
    message: str,
    evidence: Evidence | None = None,
) -> ModelDeploymentStatus:
    """Do what `rollout.onFailure` says about a candidate that has failed: turn it back, or pause.

    Paused already, nothing more is said.
    """
    candidate = status.candidate
    if spec.rollout.on_failure == "Rollback" or candidate is None:
        return reject(o, status, reason, message, evidence)
    if status.paused:
        return status
    return note(
        o,
        update(status, paused=True),
        PAUSED,
        f"{reason}: {message}; paused, because onFailure is Pause",
        phase=Phase.PAUSED,
        revision=candidate.revision,
        weight=candidate.weight,
        evidence=[evidence] if evidence else [],
    )


def reject(
    o: Observed,
    status: ModelDeploymentStatus,
    reason: RejectReason,
    message: str,
    evidence: Evidence | None = None,
) -> ModelDeploymentStatus:
    """Turn the candidate back for good: it gets no traffic until the spec or the user asks."""
    candidate = status.candidate
    if candidate is None:
        return status
    rejected = Rejected(
        revision=candidate.revision,
        models=candidate.models,
        reason=reason,
        message=message,
        evidence=evidence,
        time=rfc3339(o.now),
    )
    signals = status.signals
    status = retreat_from_candidate(o, status)
    status = update(status, rejected=rejected, signals=signals, paused=False)
    return note(
        o,
        status,
        REJECTED,
        f"{reason}: {message}",
        phase=Phase.ROLLING_BACK,
        revision=candidate.revision,
        weight=0,
        evidence=[evidence] if evidence else [],
    )


def models_text(models: list[Any] | tuple[Any, ...]) -> str:
    """Return models for people: `keras_cnn 1.1.0, xgboost 1.0.0`."""
    return ", ".join(f"{model.name} {model.version}" for model in models)
