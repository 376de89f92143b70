"""`rollout.capacity: Shared`: both revisions fit into the pods of one, for pools that are full.

The stable gives up pods as the weight moves, but not more than the reserve allows: it may lack
`rollout.reserve` percent of the pods for what it carries at the moment. Each pod that it frees the
candidate takes, and traffic follows as its pods get ready (`allot`), so a step of 40 points is many
small ones. In the last step the stable keeps the reserve. One pod has to be shared by two: a
rollout of a single replica needs a second.
"""

import math

from ...api.spec import ModelDeploymentSpec
from ..observed import Observed
from ..state import Trying
from .allot import Weights
from .steps import next_step, steps_of


def is_shared(spec: ModelDeploymentSpec) -> bool:
    """Tell whether the revisions share the pods of one. An autoscaler's number can't be shared.

    The two together are refused at apply; where they come through all the same, it is Full.
    """
    return spec.rollout.capacity == "Shared" and spec.autoscaling is None


def shared_targets(
    o: Observed, spec: ModelDeploymentSpec, state: Trying, full: int, weights: Weights
) -> dict[str, int]:
    """Return revision → pods that the present shares allow, on the way to the step's."""
    stable, candidate = state.stable.revision, state.candidate
    final = _final(spec, state, full, _aim(spec, state))
    share = max(weights.get(stable, 0), o.share(stable))
    needed = spared(spec, full, share)
    if o.revision(stable).ready == 0:
        final = full  # there is nobody else
    return {stable: min(full, max(needed, full - final)), candidate.revision: final}


def shared_pods(
    o: Observed, spec: ModelDeploymentSpec, state: Trying, full: int, planned: Weights
) -> dict[str, int]:
    """Return the candidate's pods: those that the stable has freed, not more."""
    stable, candidate = state.stable.revision, state.candidate.revision
    if o.revision(stable).ready == 0:
        return {}
    free = max(full, 2) - planned[stable]
    return {candidate: max(1, min(planned[candidate], free))}


def spared(spec: ModelDeploymentSpec, full: int, share: int) -> int:
    """Return the fewest pods that a share may be left with while pods change hands, at least 1."""
    with_reserve = math.ceil(full * share * (100 - spec.rollout.reserve) / 10_000)
    # Or with few pods, or no reserve, none could ever move. A share is in whole percent: up to one
    # more than what the candidate's pods leave.
    one_less = full * (share - 1) // 100
    return max(1, min(with_reserve, one_less))


def stables_room(o: Observed, spec: ModelDeploymentSpec, stable: str, full: int) -> int:
    """Return the percent that the stable can take back. All, with one pod less than it needs: that
    one still serves what is rolled back, and is free only when its traffic has gone."""
    ready = o.revision(stable).ready
    return 100 if ready and ready >= full - 1 else _carried(spec, ready, full)


def _carried(spec: ModelDeploymentSpec, ready: int, full: int) -> int:
    carried = int(10_000 * ready / (full * (100 - spec.rollout.reserve)))
    return min(100, max(1, carried)) if ready else 0


def shared_room(o: Observed, spec: ModelDeploymentSpec, state: Trying, full: int) -> dict[str, int]:
    """Return the percent that the ready pods carry, where each may carry the reserve besides."""
    room = {}
    candidate = state.candidate
    for name in (state.stable.revision, candidate.revision):
        room[name] = _carried(spec, o.revision(name).ready, full)
    if o.revision(candidate.revision).ready >= _final(spec, state, full, candidate.weight):
        room[candidate.revision] = max(room[candidate.revision], candidate.weight)
    return room


def _aim(spec: ModelDeploymentSpec, state: Trying) -> int:
    """Return the weight that pods are moved for."""
    candidate = state.candidate
    steps = steps_of(spec, candidate)
    following = next_step(steps, candidate)
    if following is not None and (candidate.step == 0 or candidate.forced):
        return max(candidate.weight, steps[following - 1].weight)
    return candidate.weight


def _final(spec: ModelDeploymentSpec, state: Trying, full: int, weight: int) -> int:
    """Return the candidate's pods at a weight: its share, and all but the reserve at 100 %."""
    if weight < 100:
        return max(1, math.ceil(full * weight / 100))
    return max(1, full - max(1, math.ceil(full * spec.rollout.reserve / 100)))
