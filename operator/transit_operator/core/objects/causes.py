"""Why a pod isn't ready, in words a person can act on.

Neighbours: `resolver`, `runtime.observing.pods`.

The order is that of a pod's life: it is scheduled, its init containers run, then its containers.
"""

from typing import Any

Object = dict[str, Any]

# The server's own word in its last message, and the reason of the condition `Accepted`: the storage
# has other content under a version than the revision is of.
CONTENT_CHANGED = "ContentChanged"

_COMING_UP = (None, "ContainerCreating", "PodInitializing")


def cause(pod: Object, main: str) -> str:
    """Return why a pod isn't ready; empty where nothing is known.

    What the container `main` says comes before what others (sidecars) say, and of others it is said
    which one they are.
    """
    status = pod.get("status") or {}
    scheduled = _conditions(status).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        reason = scheduled.get("reason") or "Unschedulable"
        return f"{reason}: {scheduled.get('message', '')}".rstrip(": ")
    if status.get("phase") == "Failed":
        reason = status.get("reason") or "Failed"
        return f"{reason}: {status.get('message', '')}".rstrip(": ")
    for container in status.get("initContainerStatuses") or []:
        why = "" if _has_done_its_part(container) else _why(container)
        if why:
            return f"init container {container.get('name', '')}: {why}"
    containers = status.get("containerStatuses") or []
    for container in sorted(containers, key=lambda c: c.get("name") != main):
        why = "" if container.get("ready") else _why(container)
        if why:
            named = container.get("name", main)
            return why if named == main else f"container {named}: {why}"
    return ""


def content_changed(pod: Object, main: str) -> str:
    """Return what a server said that found other content than its revision's; empty of others."""
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        ended = _last_end(container)
        words = ((ended or {}).get("message") or "").strip()
        if container.get("name") == main and f"{CONTENT_CHANGED}: " in words:
            return words
    return ""


def disrupted(pod: Object) -> bool:
    """Tell whether a pod is being evicted, preempted or drained: no sickness of what it runs."""
    target = _conditions(pod.get("status") or {}).get("DisruptionTarget", {})
    return bool(target.get("status") == "True")


def overrun(pod: Object) -> str:
    """Return how a pod was evicted for having more on its disk than it may; else nothing.

    Unlike a node that runs full, that is a fault of what it runs.
    """
    status = pod.get("status") or {}
    message = status.get("message") or ""
    if status.get("reason") != "Evicted" or " exceed" not in message:
        return ""
    return f"Evicted: {message.strip()}"


def on_a_lost_node(pod: Object) -> bool:
    """Tell whether only the node controller says that a pod isn't ready: its kubelet fell silent.

    The kubelet writes both conditions at once, and never so: its last word was that all is well. It
    takes Kubernetes five minutes more to mark such a pod as disrupted, and to replace it.
    """
    conditions = _conditions(pod.get("status") or {})
    ready, containers = conditions.get("Ready", {}), conditions.get("ContainersReady", {})
    gated = ready.get("reason") == "ReadinessGatesNotReady"
    said = ready.get("status"), containers.get("status")
    return said == ("False", "True") and not gated


def _has_done_its_part(init: Object) -> bool:
    """Tell whether an init container has succeeded, or, as a native sidecar, has come up."""
    ended = (init.get("state") or {}).get("terminated")
    return bool(init.get("ready")) or (ended is not None and ended.get("exitCode") == 0)


def _why(container: Object) -> str:
    waiting = (container.get("state") or {}).get("waiting") or {}
    ended = _last_end(container)
    if ended:
        return _ended(waiting, ended)
    if waiting.get("reason") not in _COMING_UP:
        return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    return ""


def _last_end(container: Object) -> Object | None:
    """Return how a container ended, now or the last time; None of one that never has."""
    states = (container.get("state") or {}, container.get("lastState") or {})
    return next((state["terminated"] for state in states if state.get("terminated")), None)


def _ended(waiting: Object, ended: Object) -> str:
    """Say how a container ended: its own last words are the best cause there is."""
    how = ended.get("reason") or "Error"
    # Killed for memory it had no last words: what is there is an unrelated end of its log.
    words = "" if how == "OOMKilled" else (ended.get("message") or "").strip()
    if how == "Error":
        how = f"exit code {ended.get('exitCode')}"
    prefix = waiting.get("reason") or "the container ended"
    return f"{prefix} ({how}){': ' + words[-400:] if words else ''}"


def _conditions(status: Object) -> dict[str, Object]:
    return {c["type"]: c for c in status.get("conditions") or []}
