"""Those outside who are told what happens: the registry, and the receivers of notifications.

What isn't configured isn't imported: nobody without them needs SQLAlchemy or Apprise.
Neighbours: `operator` makes one when it begins to lead, and starts its tasks; `recording` and
`notifying` do the work.
"""

from collections.abc import Callable, Coroutine, Mapping, Sized
from typing import Any

from ..api.config.operator import OperatorConfig
from ..api.status import ModelDeploymentStatus
from .leading.leader import Leader
from .loop.queue import WorkQueue
from .observing.cache import Cache
from .observing.observe import Observer, Snapshot
from .telling.metrics import Metrics
from .writing.execute import Recorded


class Outside:
    """`tasks` are to run for ever; `see` is told each look."""

    def __init__(
        self,
        config: OperatorConfig,
        leader: Leader | None,
        queue: WorkQueue,
        cache: Cache,
        observer: Observer,
        metrics: Metrics,
    ) -> None:
        self.tasks: dict[str, Coroutine[Any, Any, None]] = {}
        self._told: list[Recorded] = []
        self._outbox: Sized | None = None
        self._waiting: Callable[[], Mapping[str, int]] = dict
        registry = config.registry
        if registry.address is not None:
            from .recording.recording import Recording

            recording = Recording(
                registry.address, registry.environment, queue, cache, observer, metrics
            )
            self.tasks["registry"] = recording.run()
            self._told.append(recording.outbox.see)
            self._outbox = recording.outbox
        if config.notifications.receivers:
            from .notifying.notifying import Notifying

            notifying = Notifying(config.notifications, leader, queue.add, cache.all_keys, metrics)
            self.tasks["notifications"] = notifying.run()
            self._told.append(notifying.see)
            self._waiting = notifying.waiting

    def see(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        """Take what a look has found, or written."""
        for see in self._told:
            see(snapshot, status)

    def unrecorded(self) -> int | None:
        """Return how many entries wait for the registry; None without one."""
        return len(self._outbox) if self._outbox is not None else None

    def untold(self) -> Mapping[str, int]:
        """Return how many messages wait, by receiver."""
        return self._waiting()
