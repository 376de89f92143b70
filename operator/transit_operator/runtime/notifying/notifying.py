"""Puts the receivers together: for each an outbox, a sender and a task.

Neighbour: `operator` makes one when it begins to lead, where receivers are configured.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ...api.config.notifications import NotificationsConfig, Receiver
from ...api.status import ModelDeploymentStatus
from ..observing.cache import Key
from ..observing.observe import Snapshot
from ..recording.outbox import Outbox
from ..telling.metrics import Metrics
from .by_apprise import AppriseSender
from .cloud_events import CloudEventsSender
from .delivery import FIRST_PAUSE, LONGEST_PAUSE, Delivery
from .marks import Keep, Marks
from .messages import blindness, messages
from .sending import TRY_SECONDS, Sender

ROOM = 500  # messages for one receiver, of about 3 kB; there may be 20 receivers


class Notifying:
    """`see` is told each look, `run` is the task."""

    def __init__(
        self,
        config: NotificationsConfig,
        keep: Keep | None,
        look_again: Callable[[Key], None],
        all_keys: Callable[[], Sequence[Key]],
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
        pauses: tuple[float, float] = (FIRST_PAUSE, LONGEST_PAUSE),
        try_seconds: float = TRY_SECONDS,
    ) -> None:
        """Without `keep` nothing outlives this process."""
        marks = Marks(keep, [receiver.name for receiver in config.receivers], clock())
        after = config.blind_after_seconds
        self._deliveries = [
            Delivery(
                receiver.name,
                Outbox(
                    partial(
                        messages,
                        receiver,
                        config.environment,
                        after,
                        marks[receiver.name].has,
                    ),
                    partial(blindness, after),
                    look_again,
                    ROOM,
                ),
                _sender(config, receiver, try_seconds),
                marks,
                all_keys,
                metrics,
                clock,
                pauses,
            )
            for receiver in config.receivers
        ]

    def see(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        """Take what is new, for each receiver."""
        for delivery in self._deliveries:
            delivery.outbox.see(snapshot, status)

    async def run(self) -> None:
        """Tell all receivers for ever, each at its own pace."""
        async with asyncio.TaskGroup() as group:
            for delivery in self._deliveries:
                group.create_task(delivery.run())

    def waiting(self) -> Mapping[str, int]:
        """Return how many messages wait for each receiver."""
        return {delivery.name: len(delivery.outbox) for delivery in self._deliveries}


def _sender(config: NotificationsConfig, receiver: Receiver, try_seconds: float) -> Sender:
    file = config.url_file(receiver)
    if receiver.kind == "CloudEvents":
        return CloudEventsSender(file, try_seconds)
    return AppriseSender(file, try_seconds)
