"""How many pods each revision shall have, and which revisions may go.

Order matters on the way: pods come up before the traffic does, and go down after it has left.
With `autoscaling` the numbers are the least that each revision's autoscaler may choose
(docs/decisions/0009-autoscaling.md).
"""

from ...api.spec import ModelDeploymentSpec
from ...api.status import ModelDeploymentStatus
from ..observed import Observed
from ..times import epoch
from .steps import next_step, pods_for, standby_pods

# Gateways and kube-proxies learn of changed weights and endpoints within this time; the pods of a
# revision that just lost its traffic must outlive it.
DRAIN_SECONDS = 10.0


def full_size(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> int:
    """Return how many pods carry all of the traffic at present.

    With `autoscaling` that is what its autoscaler made of the stable, which keeps its size below
    100 %, or of the revision that took all traffic over: today's load, not the minimum, is what a
    candidate or a standby must be able to carry. On the way back, and while a dead candidate's
    share is with the standby, the larger one still tells what that load is.
    """
    if spec.autoscaling is None:
        return spec.pods
    carrying = {name for name, share in o.traffic.items() if share > 0}
    took_over = _took_over(status)
    if took_over is not None:
        carrying.add(took_over)
    elif status.stable is not None and status.stable.revision in carrying:
        carrying = {status.stable.revision}
    sizes = [o.revision(name).replicas for name in carrying]
    return min(spec.autoscaling.max, max([spec.pods, *sizes]))


def _took_over(status: ModelDeploymentStatus) -> str | None:
    """Return the revision beside the stable that has, or on the way back had, all traffic."""
    if status.retreat is not None:
        return status.retreat.revision if status.retreat.paced else None
    candidate = status.candidate
    return candidate.revision if candidate is not None and candidate.weight == 100 else None


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
        replicas[candidate.revision] = _candidate_pods(o, spec, status)
    return replicas


def plan_limits(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, replicas: dict[str, int]
) -> dict[str, int]:
    """Return revision → the most pods that its autoscaler may choose; nothing without one.

    By pod counts a candidate that needs more CPU would get more traffic for it: there it stays at
    its planned size until it has all of the traffic.
    """
    if spec.autoscaling is None:
        return {}
    limits = {name: max(spec.autoscaling.max, pods) for name, pods in replicas.items()}
    candidate = status.candidate
    sharing = candidate is not None and candidate.weight < 100 and candidate.revision in limits
    if candidate is not None and sharing and spec.traffic.router == "replicas":
        limits[candidate.revision] = replicas[candidate.revision]
    return limits


def _candidate_pods(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> int:
    candidate = status.candidate
    assert candidate is not None
    if candidate.weight == 100 and spec.autoscaling is not None:
        return spec.pods  # it carries everything, and its autoscaler sees how much that is
    # With the stable dead it carries more than its step says.
    weight = max(candidate.weight, o.share(candidate.revision))
    following = next_step(spec.rollout.steps, candidate)
    coming_up = candidate.step == 0 or candidate.waiting_since or candidate.forced
    if following is not None and coming_up:
        weight = max(weight, spec.rollout.steps[following - 1].weight)
    return pods_for(spec, weight, full_size(o, spec, status))


def _stable_pods(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> int:
    """All pods while it may have to carry everything; less once it is a standby."""
    assert status.stable is not None
    candidate = status.candidate
    if candidate is None and status.retreat is None:
        return spec.pods
    full = full_size(o, spec, status)
    if candidate is None or candidate.weight < 100 or candidate.forced:
        return full
    if o.share(status.stable.revision) > 0 or drained_at(o, status) > o.now:
        return full
    return standby_pods(full)


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
