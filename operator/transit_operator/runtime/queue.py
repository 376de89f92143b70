"""The work queue: which ModelDeployments to look at, and when.

A key is looked at by one worker at a time; asking again while it is being worked on means once more
afterwards; asking for a later time never delays an earlier one. Failures back off exponentially.
"""

import asyncio
import heapq
import time
from collections.abc import Callable

from .cache import Key

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 60.0


class WorkQueue:
    """See the module. Times are those of `clock`, in seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._active: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, at: float | None = None) -> None:
        """Ask for a look at a key, now or at a time."""
        due = self._clock() if at is None else at
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._changed.set()

    async def get(self) -> Key:
        """Wait for the next key that is due and nobody works on. `done` must follow."""
        while True:
            key, wait = self._next()
            if key is not None:
                return key
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    def done(self, key: Key) -> None:
        """Say that a worker is through with a key."""
        self._active.discard(key)
        if key in self._due:
            heapq.heappush(self._heap, (self._due[key], key))
        self._changed.set()

    def failed(self, key: Key) -> None:
        """Ask for another look after a growing pause."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add(key, self._clock() + min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures, 10)))

    def succeeded(self, key: Key) -> None:
        """Forget earlier failures."""
        self._failures.pop(key, None)

    def __len__(self) -> int:
        now = self._clock()
        return sum(due <= now for due in self._due.values())

    def _next(self) -> tuple[Key | None, float | None]:
        """Return a key to work on, or how long to wait (None: until something is added)."""
        now = self._clock()
        while self._heap:
            due, key = self._heap[0]
            if self._due.get(key) != due or key in self._active:
                heapq.heappop(self._heap)  # outdated, or `done` puts it back
                continue
            if due > now:
                return None, due - now
            heapq.heappop(self._heap)
            del self._due[key]
            self._active.add(key)
            return key, None
        return None, None
