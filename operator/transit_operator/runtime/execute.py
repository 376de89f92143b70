"""Execute: status first, guarded by resourceVersion, then traffic, then the rest, Events last.

Each write is made only where the cluster differs from the decision. A crash between any two leaves
a status from which the same decision follows again.
"""

import hashlib
import logging
from typing import Any

from ..adapters.kubernetes import Kubernetes, KubernetesError, NotFound, Refused
from ..api import names
from ..api.config import OperatorConfig
from ..api.names import revision_object_name
from ..api.spec import ModelDeploymentSpec
from ..api.status import ModelDeploymentStatus, Transition
from ..core.decision import Decision
from ..core.objects import build as objects
from ..core.objects.build import Object
from ..core.objects.checks import check_jobs, leftover_jobs
from ..core.objects.resolver import resolver_change, resolver_pod
from ..core.objects.revision import needs_resolving
from ..core.objects.template import ForbiddenPath, UnknownPool, pod_template
from ..core.observed import Wanted
from ..core.rules import changes
from ..core.times import epoch
from ..routers import for_spec
from .cache import Cache
from .diff import same
from .observe import Snapshot
from .records import marked

log = logging.getLogger(__name__)

RECENT_SECONDS = 120.0  # longer than it takes another operator to go on

_PER_REVISION = ("Deployment", "Service", "HorizontalPodAutoscaler")


class Executor:
    """Brings the cluster to what a decision asks for."""

    def __init__(self, kubernetes: Kubernetes, cache: Cache, config: OperatorConfig) -> None:
        self._kubernetes = kubernetes
        self._cache = cache
        self._config = config
        self._known: set[str] = set()  # uids of ModelDeployments that this operator has looked at

    async def execute(self, snapshot: Snapshot, decision: Decision) -> None:
        """Write what differs.

        Raises:
            Conflict: something changed since it was read; the writes before it stand.
            KubernetesError: a write failed; those before it stand.
        """
        await self.write_status(snapshot, decision.status)
        transitions = decision.transitions
        for transition in transitions:
            log.info(
                "%s/%s %s: %s",
                snapshot.owner.namespace,
                snapshot.owner.name,
                transition.reason,
                transition.message,
            )
        try:
            if snapshot.observed.spec is not None:
                await self._objects(snapshot, snapshot.observed.spec, decision)
        finally:  # what the status says has happened is told, though a later write may have failed
            for transition in [*self._untold(snapshot), *transitions]:
                await self._kubernetes.create_event(
                    snapshot.owner.namespace, _event(snapshot, transition)
                )

    def _untold(self, snapshot: Snapshot) -> list[Transition]:
        """Return what an operator that ended meanwhile may not have told any more.

        Told twice it is still one Event, whose name comes from what happened.
        """
        owner, observed = snapshot.owner, snapshot.observed
        if owner.uid in self._known:
            return []
        self._known.add(owner.uid)
        return [t for t in observed.status.history if observed.now - epoch(t.time) < RECENT_SECONDS]

    async def _objects(
        self, snapshot: Snapshot, spec: ModelDeploymentSpec, decision: Decision
    ) -> None:
        await self._traffic(snapshot, spec, decision)
        for job in check_jobs(snapshot.owner, spec, decision.status):
            if ("Job", job["metadata"]["name"]) not in snapshot.live:  # a Job can't be changed
                await self._apply(snapshot, job)
        for name in leftover_jobs(snapshot.live, decision.status):
            await self._delete(snapshot, "Job", name)
        for record in marked(snapshot.owner, snapshot.live, decision.rejected):
            await self._apply(snapshot, record)
        for revision in decision.replicas:
            await self._revision(snapshot, spec, revision, decision)
        await self._remove(snapshot, decision)
        await self._resolver(snapshot, spec, decision)

    async def write_status(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        """Write the status if it differs. Raises: Conflict, KubernetesError."""
        if status == snapshot.observed.status:
            return
        body = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        self._cache.put(await self._kubernetes.replace_status(snapshot.mdep, body))

    async def _traffic(
        self, snapshot: Snapshot, spec: ModelDeploymentSpec, decision: Decision
    ) -> None:
        router = for_spec(spec)
        for obj in router.objects(snapshot.owner, decision.weights):
            await self._apply(snapshot, obj)
        for kind in router.unwanted():
            await self._delete(snapshot, kind, snapshot.owner.name)

    async def _revision(
        self, snapshot: Snapshot, spec: ModelDeploymentSpec, revision: str, decision: Decision
    ) -> None:
        owner, replicas = snapshot.owner, decision.replicas[revision]
        template = await self._template(snapshot, spec, revision)
        await self._apply(snapshot, objects.revision_service(owner, revision))
        await self._apply(snapshot, objects.deployment(owner, revision, template))
        name = revision_object_name(owner.name, revision)
        if spec.autoscaling is None:
            await self._delete(snapshot, "HorizontalPodAutoscaler", name)
            await self._scale(snapshot, name, replicas)
        else:
            largest = decision.limits[revision]
            await self._apply(
                snapshot, objects.autoscaler(owner, revision, spec, replicas, largest)
            )
            await self._scale(snapshot, name, replicas, only_up=True)

    async def _scale(
        self, snapshot: Snapshot, name: str, replicas: int, *, only_up: bool = False
    ) -> None:
        """Set a Deployment's pods. With an autoscaler only up to its least: down is its affair."""
        live = snapshot.live[("Deployment", name)]
        present = live["spec"].get("replicas", 1)
        if present == replicas or (only_up and present > replicas):
            return
        version = await self._kubernetes.scale(live, replicas)
        scaled = {
            **live,
            "metadata": {**live["metadata"], "resourceVersion": version},
            "spec": {**live["spec"], "replicas": replicas},
        }
        snapshot.live[("Deployment", name)] = scaled
        self._cache.put(scaled)

    async def _template(
        self, snapshot: Snapshot, spec: ModelDeploymentSpec, revision: str
    ) -> dict[str, Any]:
        """Return what was kept of a revision; build and keep it only when it is new."""
        owner, name = snapshot.owner, revision_object_name(snapshot.owner.name, revision)
        kept = snapshot.live.get(("ControllerRevision", name))
        if kept is None:
            target = snapshot.observed.wanted
            if target is None or target.revision != revision:
                raise Refused(
                    f"ControllerRevision {name} is gone, so revision {revision} can't be built"
                    " again; change spec.models to roll out another one"
                )
            kept = objects.controller_revision(
                owner, revision, self._resolved(snapshot, spec, target)
            )
            await self._apply(snapshot, kept)
        template: dict[str, Any] = kept["data"]["template"]
        return template

    def _resolved(
        self, snapshot: Snapshot, spec: ModelDeploymentSpec, target: Wanted
    ) -> dict[str, Any]:
        owner = snapshot.owner
        try:
            template = pod_template(owner.namespace, owner.name, target, spec, self._config)
        except (UnknownPool, ForbiddenPath) as error:
            raise Refused(str(error)) from error
        return {
            "models": [model.model_dump() for model in target.models],
            "template": template,
        }

    async def _resolver(
        self, snapshot: Snapshot, spec: ModelDeploymentSpec, decision: Decision
    ) -> None:
        """Have one resolver pod while an alias of this spec isn't resolved, else none."""
        needed = needs_resolving(spec, decision.status.pins)
        change = resolver_change(snapshot.owner, snapshot.live, spec, needed, snapshot.observed.now)
        for name in change.remove:
            await self._delete(snapshot, "Pod", name)
        if change.make is not None:
            try:
                pod = resolver_pod(snapshot.owner, spec, self._config, change.make)
            except (UnknownPool, ForbiddenPath) as error:
                raise Refused(str(error)) from error
            self._cache.put(await self._kubernetes.apply(pod))

    async def _remove(self, snapshot: Snapshot, decision: Decision) -> None:
        """Delete the objects of revisions that no longer have a part to play."""
        staying = set(decision.replicas) | decision.keep
        status = decision.status
        remembered = staying | {
            r.revision
            for r in (status.stable, status.candidate, status.previous, status.rejected)
            if r is not None
        }
        for (kind, name), obj in snapshot.live.items():
            revision = (obj["metadata"].get("labels") or {}).get(names.LABEL_REVISION)
            if revision is None:
                continue
            if kind in _PER_REVISION and revision not in staying:
                await self._delete(snapshot, kind, name)
            if kind == "ControllerRevision" and revision not in remembered:
                await self._delete(snapshot, kind, name)

    async def _apply(self, snapshot: Snapshot, desired: Object) -> None:
        """Write an object where it differs, if nobody changed it since.

        Every write here is guarded so, scaling and deletion too: a late write of an operator that
        led must not undo what the next one did.
        """
        identity = (desired["kind"], desired["metadata"]["name"])
        live = snapshot.live.get(identity)
        if live is not None and same(desired, live):
            return
        if live is None:
            await self._refuse_strangers(snapshot, desired)
        else:
            version = live["metadata"]["resourceVersion"]
            desired = {**desired, "metadata": {**desired["metadata"], "resourceVersion": version}}
        written = await self._kubernetes.apply(desired)
        snapshot.live[identity] = written
        self._cache.put(written)

    async def _refuse_strangers(self, snapshot: Snapshot, desired: Object) -> None:
        """Never take over an object that somebody else made under a name that we need."""
        kind, name = desired["kind"], desired["metadata"]["name"]
        try:
            found = await self._kubernetes.get(kind, snapshot.owner.namespace, name)
        except NotFound:
            return
        owners = found["metadata"].get("ownerReferences") or []
        if any(owner.get("uid") == snapshot.owner.uid for owner in owners):
            return
        if any(owner.get("kind") == names.KIND for owner in owners):
            raise KubernetesError(f"{kind} {name} of a deleted ModelDeployment is not gone yet")
        raise Refused(
            f"{kind} {name} exists and is not Transit's: remove it, or give the"
            " ModelDeployment another name"
        )

    async def _delete(self, snapshot: Snapshot, kind: str, name: str) -> None:
        live = snapshot.live.get((kind, name))
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        await self._kubernetes.delete(kind, live)
        self._cache.drop(kind, snapshot.owner.namespace, name, live["metadata"]["uid"])


def _event(snapshot: Snapshot, transition: Transition) -> Object:
    """Return the Event of a transition; named by its content, so that it is told once."""
    owner = snapshot.owner
    content = f"{owner.uid}{transition.time}{transition.reason}{transition.message}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{owner.name}.{digest}", "namespace": owner.namespace},
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "namespace": owner.namespace,
            "name": owner.name,
            "uid": owner.uid,
        },
        "type": "Warning" if transition.reason in changes.WARNINGS else "Normal",
        "reason": transition.reason,
        "message": transition.message[:1000],
        "source": {"component": names.FIELD_MANAGER},
        "firstTimestamp": _seconds(transition.time),
        "lastTimestamp": _seconds(transition.time),
        "count": 1,
    }


def _seconds(time: str) -> str:
    # metav1.Time has whole seconds, unlike the status.
    return time.partition(".")[0].rstrip("Z") + "Z"
