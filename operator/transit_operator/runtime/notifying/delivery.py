"""The task that tells one receiver what is in its outbox, in order.

Nobody waits for it: neither a rollout nor another receiver. What failed is tried again, after 1 s
to 60 s and for a day, by the same id. Neighbours: `recording.outbox` has what is to be told; a
`sending.Sender` sends it; `marks` keeps how far it came; `notifying` starts it.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Sequence

from ..observing.cache import Key
from ..recording.outbox import Outbox
from ..telling.metrics import Metrics
from .marks import FORGOTTEN, INSTANT, OVERLAP, Marks
from .messages import Message
from .sending import Sender, Undelivered

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
ADVANCE_SECONDS = 60.0  # between two moves of a mark, while nothing happens


class Delivery:
    """Tells one receiver until it is cancelled."""

    def __init__(
        self,
        name: str,
        outbox: Outbox[Message],
        sender: Sender,
        marks: Marks,
        all_keys: Callable[[], Sequence[Key]],
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
        pauses: tuple[float, float] = (FIRST_PAUSE, LONGEST_PAUSE),
    ) -> None:
        """`all_keys` are the ModelDeployments whose histories must be looked at first."""
        self.name = name
        self.outbox = outbox
        self._sender = sender
        self._marks = marks
        self._mark = marks[name]
        self._all_keys = all_keys
        self._caught_up = False
        self._clock = clock
        self._pauses = pauses
        self._sent = metrics.notifications_sent.labels(name)
        self._failures = metrics.notification_failures.labels(name)
        self._dropped = metrics.notifications_dropped.labels(name)

    async def run(self) -> None:
        """Tell what comes, for ever."""
        pause = self._pauses[0]
        while True:
            if (message := await self._next()) is None:
                continue
            why = await self._try(message)
            if why is None:
                pause = self._pauses[0]
                self._told(message)
                continue
            self._failures.inc()
            text = "receiver %s was not told; waiting: %d; rollouts go on; again in %.0f s: %s"
            log.warning(text, self.name, len(self.outbox), pause, why)
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._pauses[1])

    async def _next(self) -> Message | None:
        """Wait for a message, and return it if it is to be told; None: look again."""
        try:
            async with asyncio.timeout(ADVANCE_SECONDS):
                await self.outbox.filled()
        except TimeoutError:
            self._advance()
            return None
        [message] = self.outbox.first(1)
        if self._clock() - message.at > FORGOTTEN:
            self._drop(message, f"not taken in {FORGOTTEN / 3600:.0f} hours")
            return None
        return message

    async def _try(self, message: Message) -> str | None:
        """Send it; return why it must be sent again, if it must."""
        try:
            await self._sender.send(message)
        except Undelivered as error:
            if not error.for_good:
                return str(error)
            self._failures.inc()
            self._dropped.inc()
            text = "receiver %s refused %s, which is left out: %s"
            log.error(text, self.name, message.id, error, extra=_about(message))
        except Exception as error:  # its text and values may be secret, the places are not
            places = "".join(traceback.format_tb(error.__traceback__))
            return f"a bug in Transit: {type(error).__name__}\n{places}"
        else:
            self._sent.inc()
        return None

    def _drop(self, message: Message, why: str) -> None:
        self._dropped.inc()
        text = "receiver %s is not told of %s any more: %s"
        log.error(text, self.name, message.id, why, extra=_about(message))
        self._told(message)

    def _told(self, message: Message) -> None:
        self._mark.add(message)
        self.outbox.done(1)
        self._advance()

    def _advance(self) -> None:
        """Move the mark, once all histories were looked at, to where surely all was told."""
        self._caught_up = self._caught_up or self.outbox.has_all_of(self._all_keys())
        if self._caught_up and self.outbox.has_all_of(()):
            waiting = self.outbox.first(len(self.outbox))
            oldest = min((message.at for message in waiting), default=float("inf"))
            self._mark.advance(min(self._clock() - OVERLAP, oldest - INSTANT))
        self._marks.write()


def _about(message: Message) -> dict[str, str]:
    owner = message.owner
    return {"resource": f"{owner.namespace}/{owner.name}", "reason": message.reason}
