"""The loop: take a key, observe, decide, execute, and say when to look again.

Neighbours: `queue` gives keys; `handlers` fill the queue. Errors of the API end here: a conflict or
an outage is tried again, a refusal is told in the status.
"""

import asyncio
import logging
import time

from ..adapters.kubernetes import Conflict, Kubernetes, KubernetesError, NotFound, Refused
from ..core.decide import decide
from ..core.describe import with_problem
from ..core.observed import Problem
from .cache import Cache, Key
from .execute import Executor
from .observe import Observer, Snapshot
from .queue import WorkQueue

log = logging.getLogger(__name__)

CONFLICT_PAUSE = 0.05  # the event that made us too late is on its way


class Reconciler:
    """Workers over one queue."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        cache: Cache,
        queue: WorkQueue,
        observer: Observer,
        executor: Executor,
    ) -> None:
        self._kubernetes = kubernetes
        self._cache = cache
        self._queue = queue
        self._observer = observer
        self._executor = executor

    async def work(self) -> None:
        """Work for ever. Several may run: the queue gives a key to one at a time."""
        while True:
            key = await self._queue.get()
            try:
                await self._guarded(key)
            finally:
                self._queue.done(key)

    async def _guarded(self, key: Key) -> None:
        """Reconcile; whatever goes wrong with one ModelDeployment must not stop the others."""
        try:
            await self.reconcile(key)
        except Conflict:
            self._queue.add(key, time.time() + CONFLICT_PAUSE)
        except KubernetesError as error:
            log.warning("%s/%s will be tried again: %s", *key, error)
            self._queue.failed(key)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("%s/%s: a bug in Transit; it will be tried again", *key)
            self._queue.failed(key)
        else:
            self._queue.succeeded(key)

    async def reconcile(self, key: Key) -> None:
        """Observe, decide and execute once.

        Raises:
            KubernetesError: something could not be written; look again later.
        """
        snapshot = await self._observer.observe(key)
        if snapshot is None:
            return
        decision = decide(snapshot.observed)
        try:
            await self._executor.execute(snapshot, decision)
        except (Refused, NotFound) as error:
            await self._tell(key, snapshot, str(error))
            raise
        if decision.wake_at is not None:
            self._queue.add(key, decision.wake_at)

    async def _tell(self, key: Key, snapshot: Snapshot, why: str) -> None:
        """Say in the status what the API server refused, so that the user needn't read a log."""
        fresh = await self._observer.observe(key)
        if fresh is None or fresh.owner.uid != snapshot.owner.uid:
            return
        status = with_problem(fresh.observed, Problem("Refused", why))
        await self._executor.write_status(fresh, status)
