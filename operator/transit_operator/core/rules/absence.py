"""Time in which nobody watched counts against nobody: the operator was away, or all of the cluster.

Waits of a candidate that had begun before an absence begin anew after it: for pods, for data, for
pods in the place of lost ones. Else the first look at a cluster that is just coming up again would
turn back what was well. Once for each absence: who is watched again has no new deadline each time.
Neighbours: `evaluate` leaves the time of each evaluation, and adds no time of an absence to a hold.
"""

from typing import Final

from ...api.duration import seconds
from ...api.spec import ModelDeploymentSpec
from ..observed import Observed
from ..state import Rollout, Trying
from ..times import epoch, rfc3339

# Longer than it takes to fail over, and than any answer of Prometheus.
AWAY_SECONDS = 180.0
_WAITS: Final = ("waiting_since", "blind_since", "short_since")


def forgive_absence(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """Return the rollout with waits that begin now, where its candidate was not watched."""
    state = rollout.state
    if not isinstance(state, Trying):
        return rollout
    candidate = state.candidate
    seen = epoch(candidate.evaluated_at or candidate.started_at)
    if o.now - seen <= AWAY_SECONDS + 2 * seconds(spec.rollout.analysis.interval):
        return rollout
    begun = {clock: getattr(candidate, clock) for clock in _WAITS}
    anew = {clock: rfc3339(o.now) for clock, at in begun.items() if at and epoch(at) <= seen}
    if not anew:
        return rollout
    candidate = candidate.model_copy(update=anew)
    return rollout.to(Trying(state.stable, candidate, state.paused))
