"""Follow one ModelDeployment: each version of it as it comes, and a tick while nothing does.

A watch in a thread of its own, renewed whenever the API server ends it; what is missed meanwhile is
in the next read. Neighbour: `commands.status` draws what comes.
"""

import queue
import threading
import time
from collections.abc import Iterator

from ..exits import CommandFailed
from . import modeldeployments
from .connection import Cluster, NotFound, Object
from .decoding import decoded

_WATCH_SECONDS = 240  # then the API server ends the watch, and it is begun anew
_PATIENCE_SECONDS = 30.0  # for an API server that doesn't answer


def follow(cluster: Cluster, name: str, tick: float) -> Iterator[Object]:
    """Yield the object now, at each change, and every `tick` seconds. It never ends by itself.

    Raises:
        CommandFailed: it isn't there, it was deleted, or the API server is away for long.
    """
    latest = modeldeployments.read(cluster, name)
    yield latest
    changes: queue.Queue[Object | CommandFailed] = queue.Queue()
    stopped = threading.Event()
    watching = (cluster, name, latest, changes, stopped)
    threading.Thread(target=_watch, args=watching, name="watch", daemon=True).start()
    try:
        while True:
            try:
                change = changes.get(timeout=tick)
            except queue.Empty:
                yield latest
                continue
            if isinstance(change, CommandFailed):
                raise change
            latest = change
            yield latest
    finally:
        stopped.set()


def _watch(
    cluster: Cluster,
    name: str,
    latest: Object,
    changes: "queue.Queue[Object | CommandFailed]",
    stopped: threading.Event,
) -> None:
    answered = time.monotonic()
    while not stopped.is_set():
        try:
            for kind, found in _events(cluster, name, latest):
                answered = time.monotonic()
                if stopped.is_set():
                    return
                if kind == "DELETED":
                    changes.put(CommandFailed(f"{name} was deleted"))
                    return
                if kind in ("ADDED", "MODIFIED"):
                    latest = found
                    changes.put(found)
            latest = modeldeployments.read(cluster, name)
            answered = time.monotonic()
            changes.put(latest)
        except NotFound:
            changes.put(CommandFailed(f"{name} was deleted"))
            return
        except CommandFailed as failure:
            if time.monotonic() - answered > _PATIENCE_SECONDS:
                changes.put(failure)
                return
            stopped.wait(1.0)


def _events(cluster: Cluster, name: str, latest: Object) -> Iterator[tuple[str, Object]]:
    query = [
        ("watch", "true"),
        ("fieldSelector", f"metadata.name={name}"),
        ("resourceVersion", latest["metadata"]["resourceVersion"]),
        ("timeoutSeconds", str(_WATCH_SECONDS)),
    ]
    for line in cluster.lines(modeldeployments.path(cluster.namespace), query):
        event = decoded(line)
        yield event["type"], event["object"]
