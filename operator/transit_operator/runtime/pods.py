"""Reads Kubernetes objects into the plain values that decisions are made from."""

from typing import Any

from ..api import names
from ..core.objects.build import Object
from ..core.observed import Pod, RevisionState
from ..core.times import epoch


def revision_states(owned: dict[tuple[str, str], Object]) -> dict[str, RevisionState]:
    """Return revision → its Deployment and pods, for every revision that has either."""
    deployments = {_revision(o): o for (kind, _), o in owned.items() if kind == "Deployment"}
    pods: dict[str, list[Pod]] = {}
    for (kind, _), obj in owned.items():
        if kind == "Pod" and _revision(obj) and not obj["metadata"].get("deletionTimestamp"):
            pods.setdefault(_revision(obj), []).append(pod(obj))
    return {
        revision: RevisionState(
            name=revision,
            replicas=_replicas(deployments.get(revision)),
            pods=tuple(sorted(pods.get(revision, []), key=lambda p: p.name)),
            problem=_creation_problem(deployments.get(revision)),
        )
        for revision in sorted(set(deployments) | set(pods))
    }


def pod(obj: Object) -> Pod:
    """Return one pod: ready, restarts, and in words why it isn't ready."""
    status = obj.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    containers = status.get("containerStatuses") or []
    condition = conditions.get("Ready", {})
    ready = condition.get("status") == "True"
    restarts = sum(c.get("restartCount", 0) for c in containers)
    return Pod(
        name=obj["metadata"]["name"],
        ready=ready,
        restarts=restarts,
        disrupted=not ready and _disrupted(status, conditions),
        uid=obj["metadata"].get("uid", ""),
        starting=not ready and not restarts and _never_ready(status, condition),
        ready_since=epoch(condition["lastTransitionTime"]) if ready else 0.0,
        problem="" if ready else _problem(status, conditions, containers),
    )


def _disrupted(status: dict[str, Any], conditions: dict[str, Any]) -> bool:
    """Tell whether a pod was evicted, preempted or drained, or lost its node.

    A Deployment's pods start again for ever: one that has ended was ended by others.
    """
    ended = status.get("phase") in ("Failed", "Succeeded")
    return ended or conditions.get("DisruptionTarget", {}).get("status") == "True"


def _never_ready(status: dict[str, Any], ready: dict[str, Any]) -> bool:
    """Tell whether a pod is coming up: it has been not ready since it was started."""
    started, changed = status.get("startTime"), ready.get("lastTransitionTime")
    return started is None or changed is None or epoch(changed) <= epoch(started) + 2


def _problem(
    status: dict[str, Any], conditions: dict[str, Any], containers: list[dict[str, Any]]
) -> str:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason', 'Unschedulable')}: {scheduled.get('message', '')}"
    if status.get("phase") == "Failed":
        return f"{status.get('reason', 'Failed')}: {status.get('message', '')}".rstrip(": ")
    for container in containers:
        state = container.get("state") or {}
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        waiting = state.get("waiting") or {}
        if ended:
            return _ended(waiting, ended)
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    return ""


def _ended(waiting: dict[str, Any], ended: dict[str, Any]) -> str:
    """Say how a container ended: its own last words are the best cause there is."""
    how = ended.get("reason") or "Error"
    # Killed for memory it had no last words: what is there is an unrelated end of its log.
    words = "" if how == "OOMKilled" else (ended.get("message") or "").strip()
    if how == "Error":
        how = f"exit code {ended.get('exitCode')}"
    prefix = waiting.get("reason") or "the container ended"
    return f"{prefix} ({how}){': ' + words[-400:] if words else ''}"


def _creation_problem(deployment: Object | None) -> str:
    if deployment is None:
        return ""
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"{condition.get('reason')}: {condition.get('message')}"
    return ""


def _replicas(deployment: Object | None) -> int:
    return int(deployment["spec"].get("replicas", 1)) if deployment is not None else 0


def _revision(obj: Object) -> str:
    found: str = (obj["metadata"].get("labels") or {}).get(names.LABEL_REVISION, "")
    return found
