"""Follow the spec: which revision is the stable, which the candidate, and what was rolled back.

Neighbours: `decide` calls `follow_spec` after commands and before the analysis.
"""

from typing import assert_never

from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus, Phase, StableStatus
from ..observed import Observed, Wanted
from ..state import Empty, First, Retreating, Rollout, Steady, Trying
from ..times import rfc3339
from ..words.text import models_text
from . import changes
from .changes import note, started, without_candidate


def follow_spec(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """Compare the wanted revision with the stable, the candidate and the rejected one."""
    wanted, state = o.wanted, rollout.state
    if wanted is None:
        return _leave_for_newer(o, spec, rollout) if o.newer else rollout
    rejected = rollout.rest.rejected
    if rejected is not None:
        if rejected.revision == wanted.revision and rollout.stable is not None:
            return rollout
        rollout = rollout.but(rejected=None)
    match state:
        case Empty():
            return _first(o, rollout, wanted, changes.CREATED)
        case First(revision):
            return _replace(o, spec, rollout, revision, wanted)
        case Steady(stable):
            if wanted.revision == stable.revision or spec.suspend:
                return rollout
            return started(o, spec, rollout, stable, wanted)
        case Trying(stable, candidate):
            return _other_candidate(o, spec, rollout, stable, candidate, wanted)
        case Retreating():
            return _next_in_line(o, spec, rollout, state, wanted)
        case _:
            assert_never(state)


def _first(o: Observed, rollout: Rollout, wanted: Wanted, reason: str) -> Rollout:
    """A first deployment: nothing has ever served, so there is nothing to compare with."""
    first = StableStatus(
        revision=wanted.revision, models=list(wanted.models), waiting_since=rfc3339(o.now)
    )
    return note(
        o,
        rollout.to(First(first)),
        reason,
        f"first deployment of {models_text(wanted.models)}",
        phase=Phase.PENDING,
        revision=wanted.revision,
        weight=100,
    )


def _replace(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, first: StableStatus, wanted: Wanted
) -> Rollout:
    """A first deployment that nobody could use is replaced; one that served is the stable now."""
    if wanted.revision == first.revision:
        return rollout
    if first.served_since is None:
        return _first(o, rollout, wanted, changes.REPLACED)
    stable = first.model_copy(update={"healthy_since": rfc3339(o.now), "waiting_since": None})
    rollout = note(
        o,
        rollout.to(Steady(stable)),
        changes.HEALTHY,
        f"{models_text(stable.models)} serves, with fewer pods than asked for",
        phase=Phase.STABLE,
        revision=stable.revision,
        weight=100,
    )
    return follow_spec(o, spec, rollout)


def _other_candidate(
    o: Observed,
    spec: ModelDeploymentSpec,
    rollout: Rollout,
    stable: StableStatus,
    candidate: CandidateStatus,
    wanted: Wanted,
) -> Rollout:
    if wanted.revision == candidate.revision:
        return rollout
    left = without_candidate(o, spec, rollout)
    if wanted.revision == stable.revision:
        return _said(o, left, candidate, changes.REVERTED, "the spec asks for the stable again")
    text = f"a newer spec asks for {wanted.revision}"
    left = _said(o, left, candidate, changes.SUPERSEDED, text)
    return follow_spec(o, spec, left)


def _leave_for_newer(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """What is asked for is being resolved, or isn't there; the candidate is not it."""
    text = "a newer spec asks for other versions, which are not known yet"
    match rollout.state:
        case Trying(_, candidate):
            left = without_candidate(o, spec, rollout)
            return _said(o, left, candidate, changes.SUPERSEDED, text)
        case Retreating(stable, source, CandidateStatus() as waiting, held):
            left = rollout.to(Retreating(stable, source, None, held))
            return _said(o, left, waiting, changes.SUPERSEDED, text)
        case _:
            return rollout


def _next_in_line(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Retreating, wanted: Wanted
) -> Rollout:
    """What is asked for while traffic goes back waits; a dead stable is not waited for."""
    stable, source, waiting = state.stable, state.source, state.waiting
    if waiting is not None and waiting.revision == wanted.revision:
        return rollout
    if waiting is not None:
        text = f"a newer spec asks for {wanted.revision}"
        reason = changes.REVERTED if wanted.revision == stable.revision else changes.SUPERSEDED
        rollout = _said(o, rollout.to(Retreating(stable, source)), waiting, reason, text)
    if wanted.revision == stable.revision or spec.suspend:
        return rollout
    if wanted.revision == source.revision:
        if o.revision(stable.revision).ready:
            return rollout  # its turn comes when the traffic is back
        return started(o, spec, rollout.to(Steady(stable, state.held)), stable, wanted)
    waiting = changes.new_candidate(o, wanted.revision, list(wanted.models))
    straight = changes.was_stable_lately(o, spec, rollout, wanted.revision)
    waiting = waiting.model_copy(update={"straight": straight})
    return note(
        o,
        rollout.to(Retreating(stable, source, waiting, state.held), signals=[]),
        changes.ROLLOUT_STARTED,
        f"rollout of {models_text(wanted.models)}",
        phase=Phase.PROGRESSING,
        revision=wanted.revision,
        weight=0,
    )


def _said(
    o: Observed, rollout: Rollout, candidate: CandidateStatus, reason: str, text: str
) -> Rollout:
    return note(
        o,
        rollout,
        reason,
        text,
        phase=Phase.STABLE if reason == changes.REVERTED else Phase.PROGRESSING,
        revision=candidate.revision,
        weight=0,
    )
