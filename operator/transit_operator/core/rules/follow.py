"""Follow the spec: which revision is the stable, which the candidate, and what was turned back.

Neighbours: `decide` calls `follow_spec` after commands and before the analysis.
"""

from ...api.status import CandidateStatus, ModelDeploymentStatus, Phase, StableStatus
from ..observed import Observed, Wanted
from ..times import rfc3339
from . import changes
from .changes import models_text, note, update


def follow_spec(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Compare the wanted revision with the stable, the candidate and the rejected one."""
    wanted = o.wanted
    if wanted is None:
        return status
    stable = status.stable
    if stable is None or stable.healthy_since is None:
        return _first(o, status, wanted)
    rejected = status.rejected
    if rejected is not None:
        if rejected.revision == wanted.revision:
            return status
        status = update(status, rejected=None)
    if status.candidate is not None and status.candidate.revision == wanted.revision:
        return status
    if wanted.revision == stable.revision:
        return _back_to_stable(o, status)
    return _start(o, status, wanted)


def _first(o: Observed, status: ModelDeploymentStatus, wanted: Wanted) -> ModelDeploymentStatus:
    """A first deployment: nothing serves yet, so there is nothing to compare with."""
    stable = status.stable
    if stable is not None and stable.revision == wanted.revision:
        return status
    status = update(
        status,
        stable=StableStatus(
            revision=wanted.revision, models=list(wanted.models), waiting_since=rfc3339(o.now)
        ),
        rejected=None,
    )
    reason = changes.CREATED if stable is None else changes.REPLACED
    return note(
        o,
        status,
        reason,
        f"first deployment of {models_text(wanted.models)}",
        phase=Phase.PENDING,
        revision=wanted.revision,
        weight=100,
    )


def _back_to_stable(o: Observed, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    candidate = status.candidate
    if candidate is None:
        return status
    status = changes.retreat_from_candidate(o, status)
    return note(
        o,
        status,
        changes.REVERTED,
        "the spec asks for the stable revision again",
        phase=Phase.STABLE,
        revision=candidate.revision,
        weight=0,
    )


def _start(o: Observed, status: ModelDeploymentStatus, wanted: Wanted) -> ModelDeploymentStatus:
    old = status.candidate
    if old is not None:
        status = update(changes.retreat_from_candidate(o, status), paused=False)
        status = note(
            o,
            status,
            changes.SUPERSEDED,
            f"a newer spec asks for {wanted.revision}",
            phase=Phase.PROGRESSING,
            revision=old.revision,
            weight=0,
        )
    if o.spec is not None and o.spec.suspend:
        return status
    candidate = CandidateStatus(
        revision=wanted.revision, models=list(wanted.models), started_at=rfc3339(o.now)
    )
    status = update(status, candidate=candidate, signals=[])
    return note(
        o,
        status,
        changes.ROLLOUT_STARTED,
        f"rollout of {models_text(wanted.models)}",
        phase=Phase.PROGRESSING,
        revision=wanted.revision,
        weight=0,
    )
