"""Who gets which share of the traffic: planned weights, the pace of a retreat, and the safety net.

Invariants: weights sum to 100; a revision without ready pods gets nothing while another has some.
"""

from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus, ModelDeploymentStatus, StableStatus
from ..observed import Observed
from .capacity import full_size


def plan_weights(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus
) -> dict[str, int]:
    """Return revision → percent, without revisions at 0. Empty before the first revision."""
    if status.stable is None:
        return {}
    stable = status.stable.revision
    weights = {stable: 100}
    if status.retreat is not None and status.retreat.revision != stable:
        share = _share_back(o, spec, status)
        weights = {stable: share, status.retreat.revision: 100 - share}
    elif status.candidate is not None:
        weight = status.candidate.weight
        weights = {stable: 100 - weight, status.candidate.revision: weight}
    return _serveable(o, weights, stable)


def _share_back(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> int:
    """Return the stable's share during a retreat: all at once, or as its ready pods can carry."""
    assert status.stable is not None
    assert status.retreat is not None
    ready, full = o.revision(status.stable.revision).ready, full_size(o, spec, status)
    if not status.retreat.paced or ready >= full:
        return 100
    carried = 100 * ready // full
    return min(100, max(carried, o.share(status.stable.revision)))


def _serveable(o: Observed, weights: dict[str, int], stable: str) -> dict[str, int]:
    """Move the share of a revision without ready pods to one that has some."""
    alive = {name for name in weights if o.revision(name).ready > 0}
    if not alive:
        still = any(o.revision(name).ready for name in o.traffic)
        return {n: w for n, w in (o.traffic if still else weights).items() if w}
    moved = {name: weight for name, weight in weights.items() if name in alive}
    heir = stable if stable in alive else next(iter(alive))
    moved[heir] += 100 - sum(moved.values())
    return {name: weight for name, weight in moved.items() if weight}


def reached(
    o: Observed,
    spec: ModelDeploymentSpec,
    candidate: CandidateStatus,
    stable: StableStatus | None,
) -> bool:
    """Tell whether the traffic really is as the step asks.

    By pod counts a weight is only approached; there it is enough that both, or only the
    candidate, have traffic.
    """
    share = o.share(candidate.revision)
    if stable is not None and o.revision(stable.revision).ready == 0:
        return share >= candidate.weight  # the safety net gave it the dead stable's share as well
    if spec.traffic.router == "gateway":
        return share == candidate.weight
    return (share > 0) == (candidate.weight > 0) and (share == 100) == (candidate.weight == 100)


def others_answer(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> bool:
    """Tell whether pods of a third revision would get traffic, were the Service opened to all."""
    known = {r.revision for r in (status.stable, status.candidate) if r is not None}
    return spec.traffic.router == "replicas" and any(
        state.ready for name, state in o.revisions.items() if name not in known
    )
