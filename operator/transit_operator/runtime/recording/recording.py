"""Puts the outbox, its task and the observer together, where a registry is configured.

Neighbour: `operator` makes one when it begins to lead, and not before.
"""

import asyncio
from functools import partial
from pathlib import Path

from ...core.observed import Retired
from ..loop.queue import WorkQueue
from ..observing.cache import Cache
from ..observing.observe import Observer
from ..telling.metrics import Metrics
from .entries import command, entries
from .outbox import Outbox
from .recorder import Recorder

AT_ONCE = 50  # ModelDeployments read before others get their turn


class Recording:
    """`outbox` is told at each look, `run` is the task."""

    def __init__(
        self,
        address: Path,
        environment: str,
        queue: WorkQueue,
        cache: Cache,
        observer: Observer,
        metrics: Metrics,
    ) -> None:
        self._queue = queue
        self._cache = cache
        self._observer = observer
        self.outbox = Outbox(partial(entries, environment), command, queue.add)
        self._recorder = Recorder(self.outbox, address, metrics, self._retire)

    async def run(self) -> None:
        """Write for ever."""
        await self._recorder.run()

    async def _retire(self, retired: Retired) -> None:
        """Have those ModelDeployments looked at whose models were retired, or are no more."""
        before, self._observer.retired = self._observer.retired, retired
        names = {name for (name, _), _ in before.items() ^ retired.items()}
        for number, key in enumerate(self._cache.all_keys()):
            models = ((self._cache.mdep(key) or {}).get("spec") or {}).get("models") or []
            if any(model.get("name") in names for model in models):
                self._queue.add(key)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
