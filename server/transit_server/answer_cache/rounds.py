"""Round trips to the Redis: what is asked and what is kept gathers, and goes together.

While one is under way the next gathers, so each request needs a small part of one, and one
connection is enough. Nobody waits longer than `wait` seconds: not for a round trip, nor for the one
before it, nor while there is no connection. After a failure there is none for a while, and then a
question of our own has to be answered before anybody waits again (`circuit`).

Everything here runs on the event loop, and nothing in it keeps it.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from transit_server.answer_cache.circuit import Circuit
from transit_server.answer_cache.connecting import Link, connected, explained
from transit_server.observability.answer_cache_series import AnswerCacheSeries
from transit_server.runtime.deadlines import Deadlines

log = logging.getLogger(__name__)

T = TypeVar("T")

# Timers go off in two steps, the first after this part of the wait: while the loop stands still, as
# it does for quick models, an answer may have come that nobody has read yet. Then it is read
# between the two.
_NEARLY: Final = 0.8
_NAMES: Final = 64  # of one round trip
_BYTES: Final = 256 * 2**10  # of entries, in one round trip
MOST_WAITING: Final = 2**20  # bytes of entries that wait to be written
_TELL_AGAIN: Final = 60.0


class Unanswered(Exception):
    """There is no answer in time, or there will be none; `late` says which."""

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.late = late


class Rounds:
    """Asks and fills the Redis of a mounted Secret, as long as `run` runs."""

    def __init__(
        self, secret: Path, ttl: float, wait: float, deadlines: Deadlines, series: AnswerCacheSeries
    ) -> None:
        self._secret = secret
        self._ttl = ttl
        self._wait = wait
        self._nearly = _NEARLY * wait
        self._deadlines = deadlines
        self._series = series
        self._circuit = Circuit()
        self._asked: deque[tuple[str, asyncio.Future[bytes | None]]] = deque()
        self._entries: deque[tuple[str, bytes]] = deque()
        self._waiting = 0  # bytes of them
        self._wake = asyncio.Event()
        self._told = float("-inf")
        series.circuit_is(lambda: self._circuit.closed)

    @property
    def answers(self) -> bool:
        """Whether it is worth asking."""
        return self._circuit.closed

    async def look_up(self, name: str) -> bytes | None:
        """What there is under a name. Raises `Unanswered`; within `wait` in any case."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._asked.append((name, future))
        self._wake.set()
        nearly = partial(_nearly_late, future, self._wait - self._nearly)
        deadline = self._deadlines.set(time.perf_counter() + self._nearly, nearly)
        try:
            return await future
        finally:
            self._deadlines.clear(deadline)

    def keep(self, name: str, entry: bytes) -> None:
        """Have an entry written with one of the next round trips, if there is room for it."""
        if not self._circuit.closed or self._waiting + len(entry) > MOST_WAITING:
            self._series.dropped()
            return
        self._entries.append((name, entry))
        self._waiting += len(entry)
        self._wake.set()

    async def run(self) -> None:
        """Never ends by itself."""
        try:
            await self._run()
        finally:
            self._circuit.open(time.monotonic())  # nobody waits for what has ended

    async def _run(self) -> None:
        while True:
            link: Link | None = None
            try:
                link = await connected(self._secret)
                await self._try(link)
                while True:
                    await self._wake.wait()
                    await self._round(link)
            except Exception as error:  # whatever it is, it must cost no more than the cache
                pause = self._opened(error)
            finally:
                if link is not None:
                    await link.close()
            await asyncio.sleep(pause)

    async def _try(self, link: Link) -> None:
        """Ask for what nobody has, as everything is asked for."""
        await self._in_time(link.exchange([f"transit:try:{secrets.token_hex(8)}"], [], self._ttl))
        self._circuit.close(time.monotonic())
        log.info("answers are shared: the Redis of the answer cache answers")

    async def _round(self, link: Link) -> None:
        asked = [self._asked.popleft() for _ in range(min(len(self._asked), _NAMES))]
        asked = [(name, future) for name, future in asked if not future.done()]
        entries = self._next_entries()
        if not (self._asked or self._entries):
            self._wake.clear()
        if not (asked or entries):
            return
        try:
            found, refusals = await self._in_time(
                link.exchange([name for name, _ in asked], entries, self._ttl)
            )
        except BaseException:
            _fail(future for _, future in asked)
            self._series.failed(len(entries))
            raise
        for (_, future), value in zip(asked, found, strict=True):
            if not future.done():
                future.set_result(value)
        self._series.stored(len(entries) - len(refusals))
        if refusals:
            self._series.failed(len(refusals))
            self._tell(f"the Redis of the answer cache refuses entries: {refusals[0]}")

    def _next_entries(self) -> list[tuple[str, bytes]]:
        taken: list[tuple[str, bytes]] = []
        size = 0
        while self._entries and size < _BYTES:
            taken.append(self._entries.popleft())
            size += len(taken[-1][1])
        self._waiting -= size
        return taken

    async def _in_time(self, work: Awaitable[T]) -> T:
        """Raises `TimeoutError` after `wait`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            rest = self._wait - self._nearly
            timer = loop.call_later(self._nearly, lambda: limit.reschedule(loop.time() + rest))
            try:
                return await work
            finally:
                timer.cancel()

    def _opened(self, error: Exception) -> float:
        """Nobody is to wait any more; how long the Redis is left alone."""
        pause = self._circuit.open(time.monotonic())
        self._series.opened()
        _fail(future for _, future in self._asked)
        self._series.dropped(len(self._entries))
        self._asked.clear()
        self._entries.clear()
        self._waiting = 0
        self._wake.clear()
        self._tell(f"answers are not shared: the Redis of the answer cache: {self._why(error)}")
        return pause

    def _why(self, error: Exception) -> str:
        if type(error) is TimeoutError:
            return f"no answer within {self._wait * 1000:g} ms"
        return explained(error)

    def _tell(self, text: str) -> None:
        """In the log; not each time, when it fails again and again."""
        now = time.monotonic()
        if now - self._told >= _TELL_AGAIN:
            self._told = now
            log.warning("%s", text)


def _nearly_late(future: "asyncio.Future[bytes | None]", rest: float) -> None:
    future.get_loop().call_later(rest, _late, future)


def _late(future: "asyncio.Future[bytes | None]") -> None:
    if not future.done():
        future.set_exception(Unanswered(late=True))


def _fail(futures: "Iterable[asyncio.Future[bytes | None]]") -> None:
    for future in futures:
        if not future.done():
            future.set_exception(Unanswered(late=False))
