"""Follow all ModelDeployments of a namespace or of all: one list, one watch, for however many look.

Neighbours: `following` does it for one, for as long as a command runs; `dashboard.data.fleet`
keeps what comes.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from ..exits import CommandFailed
from . import modeldeployments
from .connection import Cluster, Object

_WATCH_SECONDS = 240  # then the API server ends the watch, and it goes on from there
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Everything:
    """What there is: all that was known before is replaced."""

    items: tuple[Object, ...]


@dataclass(frozen=True)
class Changed:
    """One that is new, or differs."""

    item: Object


@dataclass(frozen=True)
class Deleted:
    """One that is gone, as it was at last."""

    item: Object


@dataclass(frozen=True)
class Away:
    """The API server doesn't answer; it is tried again."""

    why: str


News = Everything | Changed | Deleted | Away


class _Stale(Exception):
    """The API server has forgotten where the watch was: a new list is needed."""


def watch_all(cluster: Cluster, *, everywhere: bool, stopped: threading.Event) -> Iterator[News]:
    """Yield what there is, and then each change, until `stopped`. It ends by nothing else.

    A watch that breaks is no news if the next list goes well: load balancers end them, too.
    """
    version = ""
    while not stopped.is_set():
        try:
            if not version:
                items, version = modeldeployments.listed_at(cluster, everywhere=everywhere)
                yield Everything(tuple(items))
        except CommandFailed as failure:
            yield Away(str(failure))
            stopped.wait(_PAUSE_SECONDS)
            continue
        try:
            for kind, found in _events(cluster, version, everywhere=everywhere):
                version = found["metadata"]["resourceVersion"]
                if kind == "DELETED":
                    yield Deleted(found)
                elif kind in ("ADDED", "MODIFIED"):
                    yield Changed(found)
        except (_Stale, CommandFailed):
            version = ""
            stopped.wait(_PAUSE_SECONDS)


def _events(cluster: Cluster, version: str, *, everywhere: bool) -> Iterator[tuple[str, Object]]:
    """Yield a watch's events. Raises: CommandFailed, _Stale."""
    query = [
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", version),
        ("timeoutSeconds", str(_WATCH_SECONDS)),
    ]
    where = modeldeployments.path("" if everywhere else cluster.namespace)
    for line in cluster.lines(where, query):
        event = json.loads(line)
        if event["type"] == "ERROR":
            raise _Stale
        yield event["type"], event["object"]
