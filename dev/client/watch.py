"""Follow one object: every version of it with the time it came, and waiting with a deadline.

One long-lived `kubectl get --raw` a watch: a look costs nothing, and arrival times are right to
milliseconds. Neighbours: `dev.demo.play` and the tests wait here; `dev.demo.seen` reads `seen`.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dev.cluster.ui import StepFailed

from .kube import Kube

Object = dict[str, Any]
OnObject = Callable[[float, Object | None], None]


class NotAsExpected(StepFailed):
    """Something did not come to the state it must come to; the message says how it is instead."""


@dataclass(frozen=True)
class Seen:
    """One version of the object, and when it came, in seconds since the epoch. None: deleted."""

    at: float
    object: Object | None


class Watch:
    """A watch of the object at `path` (`/apis/GROUP/VERSION/namespaces/NS/PLURAL`) named `name`."""

    def __init__(self, kube: Kube, path: str, name: str, on_object: OnObject | None = None) -> None:
        self.seen: list[Seen] = []
        self._query = f"{path}?watch=true&fieldSelector=metadata.name%3D{name}"
        self._kube = kube
        self._on_object = on_object
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._follow, name=f"watch-{name}", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(5)

    @property
    def latest(self) -> Object | None:
        """The object as it was last seen; None when there is none."""
        return self.seen[-1].object if self.seen else None

    def wait_for(
        self,
        what: str,
        holds: Callable[[Object], bool],
        seconds: float,
        *,
        hopeless: Callable[[Object], str | None] = lambda _: None,
        each: Callable[[Object | None], None] = lambda _: None,
    ) -> Object:
        """Wait until `holds`; the object that it held for.

        `holds` is asked at every change and a few times a second, so it may look at other things as
        well. `hopeless` names a reason to give up early; `each` is told of every look.

        Raises:
            NotAsExpected: it did not come to that in time, it is hopeless, or it was deleted.
        """
        deadline, existed = time.monotonic() + seconds, False
        while True:
            found = self.latest
            each(found)
            if found is None and existed:
                raise NotAsExpected(f"{what}: it was deleted meanwhile, by somebody else")
            if found is not None:
                existed = True
                if holds(found):
                    return found
                if why := hopeless(found):
                    raise NotAsExpected(f"{what}: {why}")
            if time.monotonic() > deadline:
                raise NotAsExpected(f"{what} did not happen in {seconds:.0f} s; {_last(found)}")
            with self._changed:
                self._changed.wait(0.25)

    def _follow(self) -> None:
        while not self._stopped.is_set():
            argv = self._kube.kubectl.argv("get", "--raw", self._query)
            self._process = subprocess.Popen(
                argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._process.stdout is not None
            for line in self._process.stdout:
                self._take(json.loads(line))
            self._process.wait()
            self._stopped.wait(0.5)  # the API server ends a watch now and then

    def _take(self, event: Object) -> None:
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return
        found = None if event["type"] == "DELETED" else event["object"]
        if (
            found is not None
            and self.latest is not None
            and _version(found) == _version(self.latest)
        ):
            return  # the same again, after a reconnection
        seen = Seen(time.time(), found)
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()
        if self._on_object is not None:
            self._on_object(seen.at, found)


def model_deployment(
    kube: Kube, namespace: str, name: str, on_object: OnObject | None = None
) -> Watch:
    """A watch of a ModelDeployment."""
    path = f"/apis/transit.dev/v1alpha1/namespaces/{namespace}/modeldeployments"
    return Watch(kube, path, name, on_object)


def http_route(kube: Kube, namespace: str, name: str) -> Watch:
    """A watch of an HTTPRoute: the weights as the gateway has them."""
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes"
    return Watch(kube, path, name)


def _version(found: Object) -> str:
    return str(found["metadata"]["resourceVersion"])


def _last(found: Object | None) -> str:
    if found is None:
        return "there is no such object"
    status = found.get("status") or {}
    return f"it is {status.get('phase', 'without a phase')}: {status.get('message', 'no message')}"
