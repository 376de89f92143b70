"""A cluster in memory for tests of what is written: the real observer, decisions and executor.

It takes every write and keeps the objects as they were asked for; pods get ready at once, Gateways
accept every route, and Prometheus finds nothing wrong. What a real API server makes of the objects
is for `tests/api`. Neighbours: `golden.render` tells stories in it; `world` is for the pure core.
"""

import asyncio
import json
from typing import Any

from tests.unit.scenes import against
from tests.unit.world import digest, good, wanted
from transit_operator.adapters.kubernetes import AlreadyExists, Kubernetes, NotFound, Refused
from transit_operator.api.analysis import Analysis
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import Pins
from transit_operator.core.decide import decide
from transit_operator.core.objects.build import Object
from transit_operator.core.objects.revision import content_key
from transit_operator.core.observed import Readings
from transit_operator.core.times import epoch, rfc3339
from transit_operator.runtime.loop.queue import WorkQueue
from transit_operator.runtime.loop.reconcile import Reconciler
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.observing.observe import Observer
from transit_operator.runtime.telling.metrics import Metrics
from transit_operator.runtime.writing.execute import Executor

BEGIN = epoch("2026-11-26T12:00:00Z")
QUIET_SECONDS = 120.0  # without a write: longer than any drain, shorter than any hold
LONGEST_SECONDS = 4 * 3600.0


class Recorder(Kubernetes):
    """The client that keeps what is written, in the order in which it was written first."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.writes = 0  # of objects, not of the status
        self.now = BEGIN
        self._version = 0

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        if (kind, name) not in self.objects:
            raise NotFound(name)
        return self.objects[kind, name]

    async def apply(self, obj: Object) -> Object:
        before = self.objects.get((obj["kind"], obj["metadata"]["name"]))
        if obj["kind"] == "Deployment":  # scaled by itself, and not taken back by an apply
            replicas = before["spec"]["replicas"] if before is not None else 1
            obj = {**obj, "spec": {"replicas": replicas, **obj["spec"]}}
        return self._put(obj, before)

    async def rehearse(self, obj: Object) -> None:
        return

    async def create(self, obj: Object) -> Object:
        if (before := self.objects.get((obj["kind"], obj["metadata"]["name"]))) is not None:
            raise AlreadyExists(before["metadata"]["name"])
        return self._put(obj, None)

    async def merge(self, seen: Object, change: Object) -> Object:
        return self._put({**seen, "spec": {**seen["spec"], **change["spec"]}}, seen)

    async def scale(self, deployment: Object, replicas: int) -> str:
        before = self.objects["Deployment", deployment["metadata"]["name"]]
        scaled = self._put({**before, "spec": {**before["spec"], "replicas": replicas}}, before)
        return str(scaled["metadata"]["resourceVersion"])

    async def delete(self, kind: str, seen: Object) -> None:
        self.writes += 1
        del self.objects[kind, seen["metadata"]["name"]]

    async def replace_status(self, mdep: Object, status: Object) -> Object:
        return self.stamped({**mdep, "status": status}, mdep)

    async def create_event(self, namespace: str, event: Object) -> None:
        return

    def stamped(self, obj: Object, before: Object | None) -> Object:
        """Return an object as it is stored: with its version, and the time it was made."""
        self._version += 1
        meta = (before or {}).get("metadata", {})
        fixed = {
            "uid": meta.get("uid") or f"uid-{self._version}",
            "creationTimestamp": meta.get("creationTimestamp") or rfc3339(self.now),
            "generation": meta.get("generation", 1),
            "resourceVersion": str(self._version),
        }
        return {**obj, "metadata": {**obj["metadata"], **fixed}}

    def _put(self, obj: Object, before: Object | None) -> Object:
        self.writes += 1
        # As it comes out of JSON: one object never shares a part with another.
        stored: Object = self.stamped(json.loads(json.dumps(obj)), before)
        if before is not None and "status" in before:
            stored["status"] = before["status"]
        self.objects[obj["kind"], obj["metadata"]["name"]] = stored
        return stored


class NothingWrong:
    """Prometheus in a world in which every version does well."""

    async def readings(
        self, analysis: Analysis, model_deployment: str, candidate: str, stable: str
    ) -> Readings:
        return against(good())


class Cluster:
    """One ModelDeployment, and an operator that looks at it.

    `storage` says what resolver pods find: (model, version) → other words than the usual; None:
    they never answer.
    """

    def __init__(
        self, resource: Object, config: OperatorConfig, api: Recorder | None = None
    ) -> None:
        self.api = api or Recorder()
        self.cache = Cache()
        self.observer = Observer(self.cache, NothingWrong(), lambda: self.api.now)
        self.key = resource["metadata"]["namespace"], resource["metadata"]["name"]
        self.storage: dict[tuple[str, str], Object] | None = {}
        self._executor = Executor(self.api, self.cache, config)
        self._resource = resource

    def apply(self, spec: Object | ModelDeploymentSpec, *, looked_up: bool = False) -> None:
        """Create the ModelDeployment, or change its spec; `looked_up`: its versions are known."""
        if isinstance(spec, ModelDeploymentSpec):
            spec = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        before = self.cache.mdep(self.key)
        made = self.api.stamped({**(before or self._resource), "spec": spec}, before)
        if looked_up:
            asked = ModelDeploymentSpec.model_validate(spec)
            pins = Pins(key=content_key(asked), models=list(wanted(asked).models))
            made["status"] = (made.get("status") or {}) | {"pins": pins.model_dump(by_alias=True)}
        made["metadata"] |= {"generation": made["metadata"]["generation"] + (before is not None)}
        self.cache.put(made)

    def status(self) -> Object:
        """Return the status, as users read it."""
        found: Object = (self.cache.mdep(self.key) or {}).get("status") or {}
        return found

    def run(self, until: Object) -> None:
        """Let time pass until these fields of the status are so, and nothing is written any more.

        Raises:
            AssertionError: that is never so.
        """
        asyncio.run(self._run(until))

    def look(self) -> None:
        """Look once, and let the cluster follow."""
        asyncio.run(self._look())
        self._follow()

    async def _run(self, until: Object) -> None:
        began = moved = self.api.now
        while self.api.now - began < LONGEST_SECONDS:
            writes = self.api.writes
            wake_at = await self._look()
            self._follow()
            if self.api.writes > writes:
                moved = self.api.now
                self.api.now += 1
                continue
            still = wake_at is None or self.api.now - moved >= QUIET_SECONDS
            if still and until.items() <= self.status().items():
                return
            assert wake_at is not None, f"never {until}: {self.status()}"
            quiet = moved + QUIET_SECONDS
            self.api.now = min(wake_at, quiet) if quiet > self.api.now else wake_at
        raise AssertionError(f"never {until}: {self.status()}")

    async def _look(self) -> float | None:
        readings = await self.observer.readings(self.key)
        snapshot = self.observer.look(self.key, readings)
        assert snapshot is not None
        decision = decide(snapshot.observed)
        await self._executor.execute(snapshot, decision)
        return decision.wake_at

    def _follow(self) -> None:
        """Do what the controllers and kubelets of a cluster do: pods, and a Gateway's word."""
        wanted: dict[str, Object] = {}
        for (kind, name), obj in list(self.api.objects.items()):
            if kind == "Pod" and self.storage is not None and "status" not in obj:
                obj["status"] = _resolved(obj, self.storage)
                self.cache.put(self.api.stamped(obj, obj))
            if kind == "Deployment":
                wanted |= {f"{name}-rs-{n}": obj for n in range(obj["spec"]["replicas"])}
            if kind == "HTTPRoute" and "status" not in obj:
                obj["status"] = {"parents": [_accepted(p) for p in obj["spec"]["parentRefs"]]}
                self.cache.put(self.api.stamped(obj, obj))
        there = {name for (kind, name) in self.cache.owned(self.key) if kind == "Pod"}
        for name in wanted.keys() - there:
            self.cache.put(self.api.stamped(self._pod(name, wanted[name]), None))
        for name in there - wanted.keys():
            if ("Pod", name) not in self.api.objects:  # the resolver's is its own
                self.cache.drop("Pod", self.key[0], name)

    def _pod(self, name: str, deployment: Object) -> Object:
        owner = {"kind": "ReplicaSet", "name": f"{deployment['metadata']['name']}-rs", "uid": "rs"}
        ready: dict[str, Any] = {
            "type": "Ready",
            "status": "True",
            "lastTransitionTime": rfc3339(self.api.now),
        }
        return {
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": self.key[0],
                "labels": deployment["spec"]["template"]["metadata"]["labels"],
                "ownerReferences": [owner],
            },
            "status": {"phase": "Running", "conditions": [ready]},
        }


class Leader:
    """An operator that has just begun to lead: it knows what the cluster tells, nothing else."""

    def __init__(self, cluster: Cluster) -> None:
        self._key = cluster.key
        self._queue = WorkQueue(lambda: cluster.api.now, lambda: cluster.api.now)
        executor = Executor(cluster.api, cluster.cache, OperatorConfig())
        self._reconciler = Reconciler(
            self._queue, cluster.observer, executor, cluster.cache, Metrics()
        )

    def look(self) -> bool:
        """Look once and tell whether it went well."""
        try:
            asyncio.run(self._reconciler.reconcile(self._key, None))
        except Refused:
            return False
        return True

    def looks_again_at_once(self) -> bool:
        """Tell whether another look is due at this moment, and take it out of the queue."""
        if not len(self._queue):
            return False
        self._queue.done(asyncio.run(self._queue.get()))
        return True


def _resolved(pod: Object, storage: dict[tuple[str, str], Object]) -> Object:
    """Return the status of a resolver pod that has done its work."""
    container = pod["spec"]["containers"][0]
    asked = (reference.split("@") for reference in container["args"][4:])
    found = [
        {"name": name, "version": version, "digest": digest(name, version)}
        | storage.get((name, version), {})
        for name, version in asked
    ]
    said = json.dumps([{key: value for key, value in one.items() if value} for one in found])
    ended = {"exitCode": 0, "reason": "Completed", "message": said}
    return {"containerStatuses": [{"name": container["name"], "state": {"terminated": ended}}]}


def _accepted(parent: Object) -> Object:
    return {"parentRef": parent, "conditions": [{"type": "Accepted", "status": "True"}]}
