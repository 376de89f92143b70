"""The work queue: which ModelDeployments to look at, and when.

A key is looked at by one worker at a time; asking again while it is being worked on means once more
afterwards; asking for a later time never delays an earlier one. Failures back off exponentially.
Of those that are due, preferred keys come first: a rollback doesn't wait for thousands of others.
But each fourth turn is another's: a change doesn't wait for two hundred evaluations either.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from contextlib import suppress

from ..observing.cache import Key

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 60.0
PREFERRED_TURNS = 3  # of preferred keys one after the other, while others are due


class WorkQueue:
    """See the module. Callers name times of `clock`, in seconds since the epoch.

    What is waited for is measured on a `steady` one: a clock that is set back by a day delays
    nothing by a day.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._due: dict[Key, float] = {}  # by the steady clock
        self._preferred: set[Key] = set()
        self._first: list[tuple[float, Key]] = []  # heaps; what isn't in `_due` is outdated
        self._others: list[tuple[float, Key]] = []
        self._in_a_row = 0  # preferred keys that were given one after the other
        self._active: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, at: float | None = None) -> None:
        """Ask for a look at a key, now or at a time."""
        due = self._steady() + (at - self._clock() if at is not None else 0.0)
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._push(key)
            self._changed.set()

    def prefer(self, key: Key, preferred: bool) -> None:
        """Say whether a key, once it is due, comes before all those that aren't preferred."""
        if preferred == (key in self._preferred):
            return
        if preferred:
            self._preferred.add(key)
        else:
            self._preferred.discard(key)
        if key in self._due:
            self._push(key)

    async def get(self) -> Key:
        """Wait for the next key that is due and nobody works on. `done` must follow."""
        while True:
            key, wait = self._next()
            if key is not None:
                return key
            self._changed.clear()
            # Not wait_for: that of Python 3.11 may swallow a cancellation, and a stop hangs.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def get_all(self) -> list[Key]:
        """Wait for a key as `get` does, and return it with all others. `done` must follow each."""
        keys = [await self.get()]
        while (key := self._next()[0]) is not None:
            keys.append(key)
        return keys

    def done(self, key: Key) -> None:
        """Say that a worker is through with a key."""
        self._active.discard(key)
        if key in self._due:
            self._push(key)
        self._changed.set()

    def failed(self, key: Key, at_least: float = 0.0) -> None:
        """Ask for another look after a growing pause, of `at_least` so many seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures, 10))
        self.add(key, self._clock() + max(pause, at_least))

    def succeeded(self, key: Key) -> None:
        """Forget earlier failures."""
        self._failures.pop(key, None)

    def __len__(self) -> int:
        now = self._steady()
        return sum(due <= now for due in self._due.values())

    def _push(self, key: Key) -> None:
        heap = self._first if key in self._preferred else self._others
        heapq.heappush(heap, (self._due[key], key))

    def _next(self) -> tuple[Key | None, float | None]:
        """Return a key to work on, or how long to wait (None: until something is added)."""
        now = self._steady()
        waits: list[float] = []
        heaps = (self._first, self._others)
        if self._in_a_row >= PREFERRED_TURNS:
            heaps = (self._others, self._first)
        for heap in heaps:
            while heap:
                due, key = heap[0]
                if self._due.get(key) != due or key in self._active:
                    heapq.heappop(heap)  # outdated, or `done` puts it back
                    continue
                if due > now:
                    waits.append(due - now)
                    break
                heapq.heappop(heap)
                del self._due[key]
                self._active.add(key)
                self._in_a_row = self._in_a_row + 1 if heap is self._first else 0
                return key, None
        return None, min(waits, default=None)
