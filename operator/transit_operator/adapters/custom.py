"""The users' own queries: asked in the background, in turns, spread over the interval.

An evaluation takes the last answers and waits for none: a query that is slow, or one of hundreds,
delays no verdict, its own ModelDeployment's neither. An answer is an interval old at most, or it is
no data. docs/decisions/0025-prometheus-for-many.md. Neighbours: `asking`, `fair`.
"""

import asyncio
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from ..core.observed import Problem
from .asking import Client, QueryFailed, single
from .fair import FairSlots

_SLOTS = 16  # queries at one time, of all namespaces
_SPREAD = 0.8  # of an interval; the rest is for the slow ones
_OLDEST = 2.5  # intervals, after which an answer is forgotten


@dataclass
class _Asked:
    """A query's last answer; `at` in the loop's time."""

    interval: float
    value: float | Problem | None = None
    at: float = 0.0
    task: asyncio.Task[None] | None = None


class CustomQueries:
    """The answers to all custom queries of the rollouts under way."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._slots = FairSlots(_SLOTS)
        self._asked: dict[tuple[str, str], _Asked] = {}  # by namespace and text

    def answers(
        self, namespace: str, interval: float, texts: Iterable[str]
    ) -> dict[str, float | Problem]:
        """Return what is known by now, by text, and have all asked again until the next time.

        A query that nobody has asked before is asked at once. `interval` in seconds.
        """
        loop = asyncio.get_running_loop()
        found: dict[str, float | Problem] = {}
        for text in texts:
            asked = self._asked.setdefault((namespace, text), _Asked(interval))
            asked.interval = interval
            if asked.value is not None and loop.time() - asked.at <= _OLDEST * interval:
                found[text] = asked.value
            if asked.task is None:
                part = zlib.crc32(f"{namespace} {text}".encode()) % 1000 / 1000
                pause = part * _SPREAD * interval if text in found else 0.0
                asked.task = loop.create_task(self._ask(namespace, text, asked, pause))
        self._forget(loop.time())
        return found

    async def _ask(self, namespace: str, text: str, asked: _Asked, pause: float) -> None:
        try:
            await asyncio.sleep(pause)
            async with self._slots.turn(namespace):
                try:
                    value: float | Problem = single(await self._client.query(text))
                except QueryFailed as error:
                    value = error.problem
            asked.value, asked.at = value, asyncio.get_running_loop().time()
        finally:
            asked.task = None

    def _forget(self, now: float) -> None:
        """Drop what nobody asks for any more."""
        for key, asked in list(self._asked.items()):
            if asked.task is None and now - asked.at > _OLDEST * asked.interval:
                del self._asked[key]

    def close(self) -> None:
        """Ask nothing more."""
        for asked in self._asked.values():
            if asked.task is not None:
                asked.task.cancel()
