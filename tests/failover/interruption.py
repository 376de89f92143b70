"""One ModelDeployment on the real API server, driven look by look, and killed after its writes.

The operator's own parts (cache, observe, decide, execute, client) run in the test's process; time
and what was measured are the test's. A kill throws away everything but the cluster, as a SIGKILL
does. The pods are real objects of the real controllers, but ask for a pool that no node is of: the
test says when they are ready, as a kubelet would.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio.client import ApiClient

from tests.support import looked_up
from tests.unit.measured import latencies, measured, predicted, predictions
from transit_operator.adapters.kubernetes import Conflict, Kubernetes
from transit_operator.api import names
from transit_operator.api.analysis import Analysis
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.config.pools import Pool
from transit_operator.api.status import ModelDeploymentStatus
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision
from transit_operator.core.objects.build import Object
from transit_operator.core.objects.resolver import LABEL_RESOLVES
from transit_operator.core.observed import Readings
from transit_operator.core.times import rfc3339
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.observing.observe import Observer
from transit_operator.runtime.operator import WATCHED, refresh
from transit_operator.runtime.writing.execute import Executor

CONFIG = OperatorConfig(pools={"cpu": Pool(node_selector={"transit.dev/pool": "nowhere"})})
NAME = "m"
_FIGURES = (latencies(0.01, 0.005, 1000), predicted({"a": 600.0, "b": 400.0}))
WELL = measured(predictions(success=1000), *_FIGURES)
ILL = measured(predictions(success=500, error=500), *_FIGURES)
DEADLINE = 60.0
LOOKS = 80  # at one moment; an operator that lives for one write needs one for each


class Killed(Exception):
    """The operator ended here: nothing after this line ran."""


class Mortal(Kubernetes):
    """The real client, which dies after every so many writes, the first time after `first`."""

    def __init__(self, client: ApiClient, every: int, first: int) -> None:
        super().__init__(client)
        self.writes: list[str] = []
        self._every, self._next = every, first
        self._dead = False

    def revive(self) -> None:
        """From here on it is the client of the next operator."""
        self._dead = False

    async def _request(self, method: str, path: str, **arguments: Any) -> Object:
        if self._dead:  # nothing is sent by the cleaning up of who was killed
            raise Killed
        found = await super()._request(method, path, **arguments)
        if method != "GET":
            self.writes.append(f"{method} {path}")
            if self._every and len(self.writes) == self._next:
                self._next += self._every
                self._dead = True
                raise Killed
        return found


@dataclass
class Life:
    """See the module. `now` is in seconds since the epoch and only moves when the test says so.

    An operator dies after every `dies_every` writes (0: never), the first after `dies_first`.
    """

    client: ApiClient
    namespace: str
    now: float
    dies_every: int = 0
    dies_first: int = 1
    ill_at: tuple[str, int] = ("", 0)  # version, weight from which on it answers with errors
    kills: int = 0
    kubernetes: Mortal = field(init=False)
    cache: Cache = field(init=False, default_factory=Cache)
    executor: Executor = field(init=False)
    _fresh: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self.kubernetes = Mortal(self.client, self.dies_every, self.dies_first)
        self._begin()

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, NAME

    async def apply(self, **spec: Any) -> None:
        """Create the ModelDeployment, or change its spec."""
        await Kubernetes(self.client).apply(
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "metadata": {"name": NAME, "namespace": self.namespace},
                "spec": spec,
            }
        )
        await self._list(names.KIND)

    async def run_until(self, phase: str, longest: float = 600.0) -> None:
        """Let time pass, look by look, until the phase is reached and nothing is left to do."""
        end = self.now + longest
        while True:
            wake_at = await self._settle()
            status = self.status()
            if status.phase == phase and not await self._leaving():
                return
            assert self.now < end, f"never {phase}: {status.phase}, {status.message}"
            self.now = min(wake_at or self.now + 15.0, self.now + 15.0)

    def status(self) -> ModelDeploymentStatus:
        """Return the status as it was last read or written."""
        mdep = self.cache.mdep(self.key)
        assert mdep is not None
        return ModelDeploymentStatus.model_validate(mdep.get("status") or {})

    async def objects(self) -> dict[str, Any]:
        """Return what it made, as `kind/name` → what matters of it."""
        found: dict[str, Any] = {}
        for kind in (k for k in WATCHED if k not in (names.KIND, "Pod")):
            for obj in await self._all(kind):
                if not obj["metadata"].get("deletionTimestamp"):
                    found[f"{kind}/{obj['metadata']['name']}"] = _gist(obj)
        return found

    async def events(self) -> list[str]:
        """Return the reasons of its Events, in the order of their time."""
        found = await self._all("Event")
        ours = [e for e in found if e.get("involvedObject", {}).get("kind") == names.KIND]
        return sorted(f"{e['firstTimestamp']} {e['reason']}" for e in ours)

    async def readings(
        self, analysis: Analysis, model_deployment: str, candidate: str, stable: str
    ) -> Readings:
        """Answer as Prometheus would (`Measures`)."""
        present = self.status().candidate
        version, weight = self.ill_at
        ill = (
            present is not None
            and present.models[0].version == version
            and present.weight >= weight
        )
        return Readings(candidate=ILL if ill else WELL, stable=WELL)

    def _begin(self) -> None:
        """A new operator: it knows nothing but what it reads."""
        self.kubernetes.revive()
        self.cache = Cache()
        self.executor = Executor(self.kubernetes, self.cache, CONFIG)
        self._fresh = True

    async def _settle(self) -> float | None:
        """Look until a look asks for nothing more; return when to look again."""
        for _ in range(LOOKS):
            before = len(self.kubernetes.writes)
            decision = await self._look()
            if decision is None:
                continue
            came_up = await self._versions_are_found() or await self._pods_come_up()
            await self._gateway_accepts()
            quiet = len(self.kubernetes.writes) == before and not came_up
            if quiet and decide_again_is_silent(decision):
                return decision.wake_at
        raise AssertionError(f"never at rest: {self.kubernetes.writes[-10:]}")

    async def _look(self) -> Decision | None:
        """Observe, decide, execute. None: killed, or too late; look again."""
        await self._list(*(WATCHED if self._fresh else ("Pod", "Deployment")))
        self._fresh = False
        observer = Observer(self.cache, self, lambda: self.now)
        snapshot = observer.look(self.key, await observer.readings(self.key))
        assert snapshot is not None
        decision = decide(snapshot.observed)
        try:
            await self.executor.execute(snapshot, decision)
        except Killed:
            self.kills += 1
            self._begin()
            return None
        except Conflict:
            self._fresh = True
            return None
        return decision

    async def _all(self, kind: str) -> list[Object]:
        pages = Kubernetes(self.client).pages(kind, self.namespace)
        return [obj async for objects, _ in pages for obj in objects]

    async def _list(self, *kinds: str) -> None:
        for kind in kinds:
            await refresh(self.kubernetes, self.cache, kind, self.namespace)

    async def _versions_are_found(self) -> bool:
        """Answer for the pods that look versions up; whether there was any to answer for."""
        # Not from the cache, which keeps little of a pod's spec.
        asking = [pod for pod in await self._all("Pod") if _looks_up(pod) and not _answered(pod)]
        for pod in asking:
            await self._kubelet_says(pod["metadata"]["name"], looked_up(pod))
        await self._list("Pod")
        return bool(asking)

    async def _pods_come_up(self) -> bool:
        """Wait until the controllers made the pods, and say that they are ready; whether any was
        not before.
        """
        async with asyncio.timeout(DEADLINE):
            while True:
                await self._list("Pod", "Deployment")
                owned = self.cache.owned(self.key)
                wanted = sum(
                    o["spec"].get("replicas", 1) for (k, _), o in owned.items() if k == "Deployment"
                )
                pods = [o for (k, _), o in owned.items() if k == "Pod" and not _looks_up(o)]
                if len(pods) == wanted:
                    break
                await asyncio.sleep(0.05)
        unready = [pod for pod in pods if not _ready(pod)]
        for pod in unready:
            await self._say_ready(pod["metadata"]["name"])
        await self._list("Pod", "Deployment")
        return bool(unready)

    async def _gateway_accepts(self) -> None:
        """Say of a new route what a Gateway's controller would."""
        route = self.cache.owned(self.key).get(("HTTPRoute", NAME))
        if route is None or (route.get("status") or {}).get("parents"):
            return
        conditions = [
            {
                "type": kind,
                "status": "True",
                "reason": kind,
                "message": "",
                "lastTransitionTime": rfc3339(self.now),
            }
            for kind in ("Accepted", "ResolvedRefs")
        ]
        parents = [
            {
                "parentRef": route["spec"]["parentRefs"][0],
                "controllerName": "test.transit.dev/gateway",
                "conditions": conditions,
            }
        ]
        where = "/apis/gateway.networking.k8s.io/v1"
        await Kubernetes(self.client)._request(
            "PATCH",
            f"{where}/namespaces/{self.namespace}/httproutes/{NAME}/status",
            body={"status": {"parents": parents}},
            content_type="application/merge-patch+json",
        )
        await self._list("HTTPRoute")

    async def _say_ready(self, pod: str) -> None:
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(self.now)}
        await self._kubelet_says(pod, {"phase": "Running", "conditions": [condition]})

    async def _kubelet_says(self, pod: str, status: Object) -> None:
        # Not through `Mortal`: this is the kubelet's write.
        await Kubernetes(self.client)._request(
            "PATCH",
            f"/api/v1/namespaces/{self.namespace}/pods/{pod}/status",
            body={"status": status},
            content_type="application/strategic-merge-patch+json",
        )

    async def _leaving(self) -> bool:
        """Tell whether a revision that has no part any more is still there."""
        status = self.status()
        staying = {r.revision for r in (status.stable, status.candidate) if r is not None}
        owned = self.cache.owned(self.key)
        deployments = (o for (k, _), o in owned.items() if k == "Deployment")
        return any(
            o["metadata"]["labels"][names.LABEL_REVISION] not in staying for o in deployments
        )


def decide_again_is_silent(decision: Decision) -> bool:
    """Tell whether the decision told nothing new: then the next look would repeat it."""
    return not decision.transitions


def _looks_up(pod: Object) -> bool:
    return LABEL_RESOLVES in pod["metadata"]["labels"]


def _answered(pod: Object) -> bool:
    return bool(pod["status"].get("containerStatuses") or pod["metadata"].get("deletionTimestamp"))


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _gist(obj: Object) -> Any:
    if obj["kind"] == "HTTPRoute":
        backends = obj["spec"]["rules"][0]["backendRefs"]
        return {b["name"]: b["weight"] for b in backends}
    if obj["kind"] == "Deployment":
        return obj["spec"]["replicas"]
    if obj["kind"] == "Service":
        return json.dumps(obj["spec"]["selector"], sort_keys=True)
    return "there"
