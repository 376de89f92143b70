"""Reads Kubernetes objects into the plain values that decisions are made from.

A pod that has ended or is being deleted is history: its Deployment makes another, which is the one
that counts. The kubelet leaves evicted pods lying about; they are no cause of anything, unless they
had more on their disk than they may.
"""

from ...api import names
from ...api.pod_template import CONTAINER
from ...core.objects.build import Object
from ...core.objects.causes import cause, content_changed, disrupted, on_a_lost_node, overrun
from ...core.observed import Pod, RevisionState
from ...core.signals.evidence import listed
from ...core.times import epoch, rfc3339

# Between the kubelet's notice of a pod and its first word on readiness.
_FIRST_WORD_SECONDS = 2.0
# Of what a kubelet that isn't Kubernetes' own leaves out: long ago.
NEVER = rfc3339(0)


def revision_states(owned: dict[tuple[str, str], Object]) -> dict[str, RevisionState]:
    """Return revision → its Deployment and pods, for every revision that has either."""
    deployments = {_revision(o): o for (kind, _), o in owned.items() if kind == "Deployment"}
    pods: dict[str, list[Pod]] = {}
    overruns: dict[str, list[str]] = {}
    for (kind, _), obj in sorted(owned.items()):
        if kind != "Pod" or not _revision(obj):
            continue
        if not _is_history(obj):
            pods.setdefault(_revision(obj), []).append(pod(obj))
        elif words := overrun(obj):
            overruns.setdefault(_revision(obj), []).append(words)
    return {
        revision: RevisionState(
            name=revision,
            replicas=_replicas(deployments.get(revision)),
            pods=tuple(sorted(pods.get(revision, []), key=lambda p: p.name)),
            problem=_creation_problem(deployments.get(revision)),
            overruns=tuple(overruns.get(revision, ())),
        )
        for revision in sorted(set(deployments) | set(pods))
    }


def pod(obj: Object) -> Pod:
    """Return one pod: ready, restarts of its server, and in words why it isn't ready."""
    status = obj.get("status") or {}
    found = [c for c in status.get("conditions") or [] if c["type"] == "Ready"]
    condition = found[0] if found else {}
    ready = condition.get("status") == "True"
    # A sidecar that restarts, a native one too, says nothing of the model.
    servers = [c for c in status.get("containerStatuses") or [] if c.get("name") == CONTAINER]
    restarts = sum(c.get("restartCount", 0) for c in servers)
    return Pod(
        name=obj["metadata"]["name"],
        ready=ready,
        restarts=restarts,
        ready_since=epoch(condition.get("lastTransitionTime") or NEVER) if ready else 0.0,
        problem="" if ready else cause(obj, CONTAINER),
        disrupted=not ready and (disrupted(obj) or on_a_lost_node(obj)),
        uid=obj["metadata"].get("uid", ""),
        content_changed="" if ready else content_changed(obj, CONTAINER),
        starting=not ready and not restarts and _never_ready(status, condition),
    )


def _is_history(obj: Object) -> bool:
    ended = (obj.get("status") or {}).get("phase") in ("Failed", "Succeeded")
    return ended or bool(obj["metadata"].get("deletionTimestamp"))


def _never_ready(status: Object, condition: Object) -> bool:
    """Tell whether a pod is coming up: its readiness has not changed since its node took it on."""
    started, changed = status.get("startTime"), condition.get("lastTransitionTime")
    if started is None or changed is None:
        return True
    return epoch(changed) <= epoch(started) + _FIRST_WORD_SECONDS


def _creation_problem(deployment: Object | None) -> str:
    if deployment is None:
        return ""
    meta = deployment["metadata"]
    if meta.get("deletionTimestamp"):  # its controller makes no pods, and nobody can make another
        others = [f for f in meta.get("finalizers") or [] if f != "foregroundDeletion"]
        waits = listed(others) or "its pods"
        return f"Deployment {meta['name']} was deleted, and is not gone yet: it waits for {waits}"
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"{condition.get('reason')}: {condition.get('message')}"
    return ""


def _replicas(deployment: Object | None) -> int:
    return int(deployment["spec"].get("replicas", 1)) if deployment is not None else 0


def _revision(obj: Object) -> str:
    found: str = (obj["metadata"].get("labels") or {}).get(names.LABEL_REVISION, "")
    return found
