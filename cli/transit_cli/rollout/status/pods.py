"""Pods of the API server, as much of them as is shown: ready, or what keeps them from it."""

from typing import Any

from .shown import Pod

Object = dict[str, Any]
_COMING_UP = ("ContainerCreating", "PodInitializing", None)


def read_pod(pod: Object) -> Pod:
    """Return what is shown of a pod."""
    status = pod.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    containers = status.get("containerStatuses") or []
    ready = conditions.get("Ready", {}).get("status") == "True"
    return Pod(
        name=pod["metadata"]["name"],
        ready=ready,
        restarts=sum(c.get("restartCount", 0) for c in containers),
        node=(pod.get("spec") or {}).get("nodeName"),
        since=pod["metadata"].get("creationTimestamp"),
        why=None if ready else _why(status, conditions, containers),
    )


def _why(status: Object, conditions: dict[str, Object], containers: list[Object]) -> str | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return _joined(scheduled.get("reason", "Unschedulable"), scheduled.get("message"))
    if status.get("phase") == "Failed":
        return _joined(status.get("reason", "Failed"), status.get("message"))
    for container in [*(status.get("initContainerStatuses") or []), *containers]:
        state = container.get("state") or {}
        waiting = state.get("waiting") or {}
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if container.get("ready") or (ended and ended.get("exitCode") == 0):
            continue
        if ended:
            how = waiting.get("reason") or ended.get("reason") or "ended"
            return _joined(how, ended.get("message") or f"exit code {ended.get('exitCode')}")
        if waiting.get("reason") not in _COMING_UP:
            return _joined(waiting["reason"], waiting.get("message"))
    return "coming up"


def _joined(reason: str, message: str | None) -> str:
    last = (message or "").strip().splitlines()
    return f"{reason}: {last[-1].strip()}" if last else reason
