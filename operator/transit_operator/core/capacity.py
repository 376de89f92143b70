"""How many pods each revision shall have, and which revisions may go.

Order matters on the way: pods come up before the traffic does, and go down after it has left.
"""

from ..api.spec import ModelDeploymentSpec
from ..api.status import ModelDeploymentStatus
from .observed import Observed
from .steps import next_step, pods_for, standby_pods
from .times import epoch

# Gateways and kube-proxies learn of changed weights and endpoints within this time; the pods of a
# revision that just lost its traffic must outlive it.
DRAIN_SECONDS = 10.0


def plan_replicas(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus
) -> dict[str, int]:
    """Return revision → pods for the stable and the candidate."""
    replicas: dict[str, int] = {}
    if status.stable is not None:
        replicas[status.stable.revision] = _stable_pods(o, spec, status)
    candidate = status.candidate
    leaving = status.retreat.revision if status.retreat is not None else None
    if candidate is not None and candidate.revision != leaving:
        # With the stable dead it carries more than its step says.
        weight = max(candidate.weight, o.share(candidate.revision))
        following = next_step(spec.rollout.steps, candidate)
        coming_up = candidate.step == 0 or candidate.waiting_since or candidate.forced
        if following is not None and coming_up:
            weight = max(weight, spec.rollout.steps[following - 1].weight)
        replicas[candidate.revision] = pods_for(spec, weight)
    return replicas


def _stable_pods(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> int:
    """All pods while it may have to carry everything; less once it is a standby."""
    assert status.stable is not None
    candidate = status.candidate
    if candidate is None or candidate.weight < 100 or candidate.forced:
        return spec.pods
    if o.share(status.stable.revision) > 0 or drained_at(o, status) > o.now:
        return spec.pods
    return standby_pods(spec)


def kept_revisions(
    o: Observed, status: ModelDeploymentStatus, replicas: dict[str, int]
) -> frozenset[str]:
    """Return revisions in no plan that may still answer requests: they stay as they are."""
    others = set(o.revisions) - set(replicas)
    retreating = status.retreat.revision if status.retreat is not None else None
    draining = drained_at(o, status) > o.now
    return frozenset(name for name in others if name == retreating or o.share(name) > 0 or draining)


def drained_at(o: Observed, status: ModelDeploymentStatus) -> float:
    """Return when the last change of the weights has reached everybody, in epoch seconds."""
    if status.traffic_since is None:
        return o.now
    return epoch(status.traffic_since) + DRAIN_SECONDS
