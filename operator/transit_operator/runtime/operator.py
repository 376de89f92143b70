"""Puts the parts together: client, cache, queue, Prometheus, workers; started and stopped as one.

Neighbours: `main` builds it, `handlers` feed it with events, kopf runs the loop around it.
"""

import asyncio
import logging
from contextlib import suppress

import kubernetes.aio.config
from kubernetes.aio.client import ApiClient, Configuration

from ..adapters.kubernetes import KINDS, Kubernetes
from ..adapters.prometheus import Prometheus
from ..api import names
from ..api.config import OperatorConfig
from .cache import Cache
from .execute import Executor
from .observe import Observer
from .queue import WorkQueue
from .reconcile import Reconciler

log = logging.getLogger(__name__)

WATCHED = tuple(kind for kind in KINDS if kind != "Event")
RELIST_SECONDS = 300.0


class Operator:
    """One running operator."""

    def __init__(self, config: OperatorConfig) -> None:
        self.config = config
        self.cache = Cache()
        self.queue = WorkQueue()
        self._prometheus = Prometheus(config.prometheus)
        self._client: ApiClient | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """List everything, then work. Raises: KubernetesError, ConfigException."""
        configuration = Configuration()
        await _load_credentials(configuration)
        self._client = ApiClient(configuration)
        kubernetes_api = Kubernetes(self._client)
        await self.relist(kubernetes_api)
        observer = Observer(self.cache, self._prometheus)
        executor = Executor(kubernetes_api, self.cache, self.config)
        reconciler = Reconciler(self.queue, observer, executor)
        self._tasks = [
            asyncio.create_task(reconciler.work(), name=f"worker-{number}")
            for number in range(self.config.workers)
        ]
        self._tasks.append(asyncio.create_task(self._relist_forever(kubernetes_api)))

    async def stop(self) -> None:
        """Stop working; a write under way is finished or given up, either is safe."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._prometheus.close()
        if self._client is not None:
            await self._client.close()

    async def relist(self, api: Kubernetes) -> None:
        """Read all objects anew and look at every ModelDeployment. Raises: KubernetesError."""
        for namespace in self.config.namespaces or [""]:
            for kind in WATCHED:
                selector = "" if kind == names.KIND else names.LABEL_MODEL_DEPLOYMENT
                found, version = await api.list_all(kind, namespace, selector)
                self.cache.replace(kind, namespace, found, version)
        for key in self.cache.all_keys():
            self.queue.add(key)
        log.info("listed %d ModelDeployments and what they own", len(self.cache.all_keys()))

    async def _relist_forever(self, api: Kubernetes) -> None:
        """A watch can fall silent or miss a deletion: look at everything now and then."""
        while True:
            await asyncio.sleep(RELIST_SECONDS)
            try:
                await self.relist(api)
            except Exception:
                log.exception("relisting failed; the watches go on, the next try is in 5 minutes")


async def _load_credentials(configuration: Configuration) -> None:
    try:
        kubernetes.aio.config.load_incluster_config(configuration)
    except kubernetes.aio.config.ConfigException:
        await kubernetes.aio.config.load_kube_config(client_configuration=configuration)
