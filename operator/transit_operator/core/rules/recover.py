"""Rebuild a lost status from what serves: after a restore, or where somebody emptied it.

Who has the traffic is the stable. What the spec asks for goes on as a candidate with just the share
it has, from the step that this is; what was rolled back stays so (`Record.rejected`). Nobody gets
more than it had, but by the steps. A command that stands there counts as handled. Neighbour:
`decide` calls `recover` before all other rules.
"""

from ...api.rollout import Step
from ...api.spec import ModelDeploymentSpec
from ...api.status import (
    CandidateStatus,
    ModelDeploymentStatus,
    Phase,
    PinnedModel,
    Rejected,
    RejectReason,
    Retreat,
    StableStatus,
)
from ..observed import Observed, Record
from ..state import Empty, Retreating, Rollout, State, Steady, Trying
from ..times import rfc3339
from ..words.text import models_text
from . import changes
from .changes import note
from .commands import remembered


def recover(o: Observed, rollout: Rollout) -> Rollout:
    """Return the rollout with the state that the cluster tells of, where the status tells none."""
    spec, shares = o.spec, _shares(o)
    outdated = _strangers_serve(o)
    lost = outdated or isinstance(rollout.state, Empty)
    if not lost or spec is None or o.wanted is None or not shares:
        return rollout
    if outdated:
        rest = ModelDeploymentStatus(
            pins=rollout.rest.pins,
            traffic=rollout.rest.traffic,
            testers=rollout.rest.testers,
            traffic_since=rollout.rest.traffic_since,
        )
        rollout = Rollout(Empty(), rest)
    wanted = o.wanted.revision
    stable = _stable(o, shares)
    if stable == wanted and not o.revision(stable).ready and len(shares) == 1:
        return rollout  # it never answered: a first deployment like any other
    status = StableStatus(
        revision=stable, models=list(_models(o, stable)), healthy_since=rfc3339(o.now)
    )
    rejected = _rejected(o) if wanted != stable else None
    others = [name for name in shares if name != stable]
    state = _state(o, spec, status, shares, rejected)
    return note(
        o,
        rollout.to(state, rejected=rejected, handled_action=remembered(o.action) or None),
        changes.RECOVERED,
        f"the status was {'outdated' if outdated else 'lost'}, and is rebuilt from what serves:"
        " the stable revision is"
        f" {models_text(status.models) or stable}"
        + (f", {others[0]} has traffic" if others else ""),
        phase=Phase.STABLE,
        revision=stable,
        weight=shares.get(stable, 0),
    )


def _strangers_serve(o: Observed) -> bool:
    """Tell whether half of the traffic or more is with revisions that the status has never known.

    Then it is of long ago: whatever the operator does stands in the status first.
    """
    status = o.status
    if status.stable is None:
        return False
    said = (status.stable, status.candidate, status.previous, status.rejected, status.retreat)
    known = {one.revision for one in (*said, *status.formerly, *status.traffic) if one is not None}
    known |= {transition.revision for transition in status.history if transition.revision}
    strangers = [n for n in o.traffic if n not in known and o.revision(n).ready]
    return sum(o.share(name) for name in strangers) >= 50


def _shares(o: Observed) -> dict[str, int]:
    """Return who has the traffic. Without any to read, ready pods say who could have had it."""
    shares = {name: share for name, share in o.traffic.items() if share > 0}
    if shares:
        return shares
    ready = {name: state.ready for name, state in o.revisions.items() if state.ready}
    return {name: 100 * count // sum(ready.values()) for name, count in ready.items()}


def _stable(o: Observed, shares: dict[str, int]) -> str:
    """Of two with traffic, the one that the spec does not ask for: the other one is being tried.

    But for one that is older and has half or more: then the other was tried, and the spec was taken
    back. Were it otherwise, one that was stable before would be back too early, which is the lesser
    harm. If it asks for neither, the one with more; of equals the older one.
    """
    assert o.wanted is not None
    wanted = o.wanted.revision
    found = [name for name in shares if name != wanted] or _standby(o) or list(shares)

    def rank(name: str) -> tuple[int, float]:
        return -shares.get(name, 0), o.records[name].created if name in o.records else 0.0

    stable = min(sorted(found), key=rank)
    taken_back = _older(o, wanted, stable) and shares.get(wanted, 0) >= shares.get(stable, 0)
    return wanted if taken_back else stable


def _older(o: Observed, one: str, other: str) -> bool:
    """Tell whether both have records, and one that wasn't rolled back is the older one."""
    if one not in o.records or other not in o.records:
        return False
    mine = o.records[one]
    return not mine.rejected and mine.created < o.records[other].created


def _standby(o: Observed) -> list[str]:
    """Return an older revision whose pods are kept though the wanted one has all traffic."""
    assert o.wanted is not None
    mine = o.records.get(o.wanted.revision, Record()).created
    return [
        name
        for name, record in o.records.items()
        if record.created < mine and not record.rejected and o.revision(name).ready
    ][:1]


def _state(
    o: Observed,
    spec: ModelDeploymentSpec,
    stable: StableStatus,
    shares: dict[str, int],
    rejected: Rejected | None,
) -> State:
    assert o.wanted is not None
    wanted = o.wanted.revision
    leaving = [name for name in shares if name not in (stable.revision, wanted)]
    if rejected is not None and wanted in shares:
        leaving = [wanted]
    if leaving:
        bad = rejected is not None
        source = Retreat(revision=leaving[0], paced=True, rejected=bad, since=rfc3339(o.now))
        return Retreating(stable, source)
    if rejected is not None or wanted not in shares or wanted == stable.revision:
        return Steady(stable)
    return Trying(stable, _candidate(o, spec.rollout.steps, shares[wanted]))


def _candidate(o: Observed, steps: list[Step], share: int) -> CandidateStatus:
    """Return a candidate with the share it has, at the last step below; its hold begins anew."""
    assert o.wanted is not None
    fresh = changes.new_candidate(o, o.wanted.revision, list(o.wanted.models))
    below = [step.weight for step in steps if step.weight <= share]
    if not below or below[-1] == 0:
        return fresh
    pods = o.revision(o.wanted.revision)
    return fresh.model_copy(
        update={
            "step": len(below),
            "weight": share,
            "step_at": rfc3339(o.now),
            "pods": max(1, pods.ready),
        }
    )


def _rejected(o: Observed) -> Rejected | None:
    """Return that the wanted revision was rolled back before, if its record says so."""
    assert o.wanted is not None
    record = o.records.get(o.wanted.revision)
    if record is None or not record.rejected:
        return None
    return Rejected(
        revision=o.wanted.revision,
        models=list(o.wanted.models),
        reason=_reason(record.rejected),
        message="rolled back before the status was lost; retry tries it again",
        time=rfc3339(o.now),
    )


def _reason(text: str) -> RejectReason:
    try:
        return RejectReason(text)
    except ValueError:  # of a newer version
        return RejectReason.ABORTED


def _models(o: Observed, revision: str) -> tuple[PinnedModel, ...]:
    if o.wanted is not None and o.wanted.revision == revision:
        return o.wanted.models
    return o.records[revision].models if revision in o.records else ()
