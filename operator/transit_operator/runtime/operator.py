"""Puts the parts together: clients, cache, queue, Prometheus, leadership, workers, HTTP server.

A follower lists and watches as the leader does, so that its cache is warm; only the leader works.
Neighbours: `main` builds it, `handlers` feed it with events, kopf runs the loop around it.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Coroutine
from typing import Any, NamedTuple, NoReturn

from aiohttp.web import AppRunner
from kubernetes.aio.client import ApiClient, Configuration

from ..adapters.credentials import load_credentials
from ..adapters.fence import fence
from ..adapters.kubernetes import KINDS, Expired, Kubernetes, KubernetesError
from ..adapters.prometheus import Prometheus
from ..api import names
from ..api.config.operator import OperatorConfig
from ..core.objects.scaling.scaled_object import KIND as SCALED_OBJECT
from .leading.leader import Leader, steady
from .leading.lease import KIND as LEASE
from .loop.queue import WorkQueue
from .loop.reconcile import Reconciler
from .observing.cache import Cache, Key
from .observing.observe import Observer
from .outside import Outside
from .telling.health import Signs, unhealthy, unready
from .telling.metrics import Facts, Metrics
from .telling.web import application, serve
from .writing.execute import Executor, Recorded

log = logging.getLogger(__name__)

_UNWATCHED = ("Event", "Secret", LEASE, SCALED_OBJECT)
WATCHED = tuple(kind for kind in KINDS if kind not in _UNWATCHED)
RELIST_SECONDS = 300.0
RETRY_SECONDS = 2.0
RELIST_RETRY_SECONDS = 30.0
UNKNOWN = (
    "the API server doesn't know ModelDeployments: set crds.enabled in one release of the chart, or"
    " apply crds/ of this version"
)
LIST_ATTEMPTS = 3  # of one kind, where the list went stale while it was read
LONGEST_HEAD_START = 30.0
FOLLOWS_AFTER = 1.0  # without the Lease by then, another one leads


def watched(config: OperatorConfig) -> tuple[str, ...]:
    """Return the kinds that are listed and watched. Without KEDA there are no rights on its own."""
    return (*WATCHED, SCALED_OBJECT) if config.keda.enabled else WATCHED


class Address(NamedTuple):
    """Where to listen. Host "" means all addresses."""

    host: str
    port: int


class LeaseName(NamedTuple):
    """Which Lease decides who leads."""

    namespace: str
    name: str


class Operator:
    """One running operator."""

    def __init__(
        self,
        config: OperatorConfig,
        lease: LeaseName | None = None,
        listen: Address | None = None,
    ) -> None:
        """Without a lease it leads at once: then nobody else may run."""
        self.config = config
        self.queue = WorkQueue()
        self.cache = Cache(self.queue.add)
        self._metrics = Metrics()
        self._prometheus = Prometheus(config.prometheus, self._metrics.query)
        self._lease = lease
        self._listen = listen
        self._leader: Leader | None = None
        self._reconciler: Reconciler | None = None  # of the leader only
        self._clients: list[ApiClient] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._web: AppRunner | None = None
        self._outside: Outside | None = None  # of the leader only
        self._looked = steady()
        self._listed = False

    async def start(self) -> None:
        """List everything, then lead, or wait to lead. Raises: ConfigException, OSError."""
        if self._lease is not None:
            # A client of its own: renewals wait for no connection, and no fence is before them.
            unfenced = Kubernetes(await self._client(), self._metrics.request)
            self._leader = Leader(unfenced, *self._lease)
        api = Kubernetes(await self._client(self._leader), self._metrics.request)
        if self._listen is not None:
            app = application(
                lambda: unhealthy(self.signs()),
                lambda: unready(self.signs()),
                self._metrics,
                self.facts,
            )
            self._web = await serve(app, *self._listen)
        await _until_served(api)
        await self._list_until_done(api, watched(self.config))
        self._listed = True
        # What is there by now stays. Each large answer of Prometheus makes the garbage collector
        # walk through all that isn't frozen: half of the time that it took to read the answer.
        gc.collect()
        gc.freeze()
        self._start("lists", self._relist_forever(api))
        self._start("leadership", self._lead(api))
        await self._first_looks()

    async def _first_looks(self) -> None:
        """Give the leader's first looks a start before kopf lists everything itself.

        That costs more than all the looks together. What changes meanwhile is in that list.
        """
        begin = steady()
        while (passed := steady() - begin) < LONGEST_HEAD_START:
            if self._reconciler is None:
                if passed > FOLLOWS_AFTER:
                    return
            elif not len(self.queue) and not self._reconciler.running():
                return
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop working, then give the Lease back: a write under way is given up before that."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)  # failures are told already
        if self._leader is not None:
            await self._leader.release()
        self._prometheus.close()
        if self._web is not None:
            await self._web.cleanup()
        for client in self._clients:
            await client.close()

    def signs(self) -> Signs:
        """Return the signs of life that probes are answered from."""
        reconciler = self._reconciler
        return Signs(
            listed=self._listed,
            look_age=steady() - self._looked,
            relist_seconds=RELIST_SECONDS,
            workers=self.config.workers if reconciler is not None else 0,
            running=reconciler.running() if reconciler is not None else [],
            ended=[task.get_name() for task in self._tasks if task.done()],
        )

    def facts(self) -> Facts:
        """Return what metrics are made of, at this moment."""
        reconciler = self._reconciler
        leads = reconciler is not None and (self._leader is None or self._leader.may_write())
        return Facts(
            leads=leads,
            look_age=steady() - self._looked,
            lease="/".join(self._lease or ()),
            queue_depth=len(self.queue),
            longest=max(reconciler.running(), default=0.0) if reconciler is not None else 0.0,
            unrecorded=self._outside.unrecorded() if self._outside is not None else None,
            untold=self._outside.untold() if self._outside is not None else {},
            mdeps=(mdep for key in self.cache.all_keys() if (mdep := self.cache.mdep(key))),
        )

    async def _lead(self, api: Kubernetes) -> None:
        """Wait to lead, then start the workers and keep leading."""
        if self._leader is not None:
            await self._leader.acquire()
            self._start("renewals", self._keep(self._leader))
            # Whoever led before wrote a status before anything else. With every status as it is
            # now, no decision follows from an older one.
            await self._list_until_done(api, (names.KIND,))
        observer = Observer(self.cache, self._prometheus)
        executor = Executor(
            api, self.cache, self.config, self._metrics.decided, self._tell(observer)
        )
        reconciler = Reconciler(self.queue, observer, executor, self.cache, self._metrics)
        self._reconciler = reconciler
        workers = [
            self._start(f"worker {number}", reconciler.work())
            for number in range(self.config.workers)
        ]
        await asyncio.gather(*workers)

    def _tell(self, observer: Observer) -> Recorded:
        """Begin to tell those outside; returns what a look tells them."""
        self._outside = Outside(
            self.config, self._leader, self.queue, self.cache, observer, self._metrics
        )
        for name, work in self._outside.tasks.items():
            self._start(name, work)
        return self._outside.see

    async def _keep(self, leader: Leader) -> NoReturn:
        """End the process as soon as it doesn't lead any more; what it has under way ends with it.

        An orderly end would take time, in which something might still be written.
        """
        reason = await leader.keep()
        log.error("%s does not lead any more: %s. It ends now.", leader.identity, reason)
        logging.shutdown()
        os._exit(1)

    async def _list(self, api: Kubernetes, kinds: tuple[str, ...], within: float = 0.0) -> None:
        """Read all objects of some kinds anew, look at every ModelDeployment, rollouts first.

        Those that are settled are looked at evenly `within` some seconds: thousands due at once
        would delay whatever happens meanwhile.

        Raises:
            KubernetesError: not everything was read.
        """
        for namespace in self.config.namespaces or [""]:
            for kind in kinds:
                await refresh(api, self.cache, kind, namespace)
        keys, now = self.cache.all_keys(), time.time()
        for number, key in enumerate(keys):
            under_way = self._under_way(key)
            self.queue.prefer(key, under_way)
            self.queue.add(key, now if under_way else now + within * number / len(keys))

    async def _list_until_done(self, api: Kubernetes, kinds: tuple[str, ...]) -> None:
        while True:
            try:
                await self._list(api, kinds)
            except KubernetesError as error:
                log.warning("nothing can be done before everything is listed: %s", error)
                await asyncio.sleep(max(RETRY_SECONDS, error.retry_after))
            else:
                self._looked = steady()
                count = len(self.cache.all_keys())
                log.info("listed all ModelDeployments and what they own: %d", count)
                return

    async def _relist_forever(self, api: Kubernetes) -> None:
        """A watch can fall silent or miss a deletion: look at everything now and then."""
        pause = RELIST_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                await self._list(api, watched(self.config), within=RELIST_SECONDS / 2)
                self._looked, pause = steady(), RELIST_SECONDS
            except KubernetesError as error:
                pause = max(RELIST_RETRY_SECONDS, error.retry_after)
                text = "relisting failed; the watches go on, next in %.0f s: %s"
                log.warning(text, pause, error)

    def _under_way(self, key: Key) -> bool:
        status = (self.cache.mdep(key) or {}).get("status") or {}
        return bool(status.get("candidate") or status.get("retreat"))

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_tell_failure)
        self._tasks.append(task)
        return task

    async def _client(self, fenced_by: Leader | None = None) -> ApiClient:
        configuration = Configuration()
        await load_credentials(configuration)
        if fenced_by is not None:
            configuration.trace_configs = [fence(fenced_by.may_write)]
        client = ApiClient(configuration)
        self._clients.append(client)
        return client


async def _until_served(api: Kubernetes) -> None:
    """Wait for the CRD, which may come a moment after the operator, or be applied later.

    kopf looks up which kinds there are when this process has started, and with named namespaces
    never again.
    """
    while True:
        try:
            if await api.serves(names.KIND):
                return
            log.warning(UNKNOWN)
            pause = RETRY_SECONDS
        except KubernetesError as error:
            log.warning("the API server can't say what it serves: %s", error)
            pause = max(RETRY_SECONDS, error.retry_after)
        await asyncio.sleep(pause)


def _tell_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s has ended: a bug in Transit", task.get_name(), exc_info=error)


async def refresh(api: Kubernetes, cache: Cache, kind: str, namespace: str) -> None:
    """Read all objects of a kind, page by page, and forget those that are gone.

    `namespace` "" means all. Raises: KubernetesError.
    """
    selector = "" if kind == names.KIND else names.LABEL_MODEL_DEPLOYMENT
    for attempt in range(LIST_ATTEMPTS):
        listed: set[Key] = set()
        version = 0
        try:
            with cache.listing():
                async for objects, version in api.pages(kind, namespace, selector):  # noqa: B007
                    for obj in objects:
                        cache.put(obj)
                        listed.add((obj["metadata"]["namespace"], obj["metadata"]["name"]))
        except Expired:  # the pages took longer than the API server keeps their moment
            if attempt + 1 == LIST_ATTEMPTS:
                raise
        else:
            cache.keep_only(kind, namespace, listed, version)
            return
