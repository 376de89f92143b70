"""The only file with kopf decorators. A handler keeps what it was told and asks for a look.

`on.event` writes nothing to the object and needs no finalizer; its errors aren't retried, so all
work that can fail is done by the queue's workers.
"""

from typing import Any

import kopf

from ...api import names
from ...core.objects.build import Object
from ..observing.cache import key_of
from ..operator import Operator

CHUNK = 100  # handled at one go, while everything else waits

# (API version, plural, kind) of what ModelDeployments own
OWNED = (
    ("apps/v1", "deployments", "Deployment"),
    ("apps/v1", "controllerrevisions", "ControllerRevision"),
    ("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    ("batch/v1", "jobs", "Job"),
    ("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    ("gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute"),
    ("v1", "services", "Service"),
    ("v1", "pods", "Pod"),
)
OF_KEDA = ("keda.sh/v1alpha1", "scaledobjects", "ScaledObject")  # where the configuration has it


def register(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    """Register startup, cleanup and one event handler for each watched kind."""
    owned_kinds = (*OWNED, OF_KEDA) if operator.config.keda.enabled else OWNED

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    # Without credentials or the port to listen on nothing can start: end, and say so.
    @kopf.on.startup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        # To follow which namespaces and kinds there are needs rights in the whole cluster. Whoever
        # names the namespaces has none of them: what there is is looked up once, at the start.
        settings.scanning.disabled = bool(operator.config.namespaces)
        settings.networking.request_timeout = 30.0
        # Thousands of objects come at the start. kopf would list a kind at once, and keep each
        # object's last event for as long as its worker idles.
        settings.watching.chunk_size = CHUNK
        settings.queueing.idle_timeout = 0.1
        settings.persistence.diffbase_storage = _NoDiffs()
        for api_version, plural, _kind in owned_kinds:
            selectors = settings.watching.label_selectors
            selectors[api_version, plural] = names.LABEL_MODEL_DEPLOYMENT
        await operator.start()

    @kopf.on.cleanup(registry=registry)
    async def cleanup(**_: Any) -> None:
        await operator.stop()

    def seen(event: kopf.RawEvent, kind: str) -> None:
        obj: Object = {**event["object"], "kind": kind}
        meta = obj["metadata"]
        if event["type"] is None and operator.cache.knows(obj):
            return  # of kopf's own list: ours was earlier, and a look is asked for already
        if event["type"] == "DELETED":
            operator.cache.drop(kind, meta["namespace"], meta["name"], meta["uid"])
            key = key_of(obj)
        else:
            key = operator.cache.put(obj)
        if key is not None:
            operator.queue.add(key)

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def model_deployment(event: kopf.RawEvent, **_: Any) -> None:
        seen(event, names.KIND)

    for api_version, plural, kind in owned_kinds:

        @kopf.on.event(
            api_version,
            plural,
            labels={names.LABEL_MODEL_DEPLOYMENT: kopf.PRESENT},
            registry=registry,
            id=f"owned-{plural}",
            param=kind,
        )
        async def owned(event: kopf.RawEvent, param: Any = None, **_: Any) -> None:
            seen(event, param)


class _NoDiffs(kopf.DiffBaseStorage):
    """Keeps kopf from taking two deep copies of each object for diffs that nobody here asks for."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is kept: no handler of ours changes an object."""
