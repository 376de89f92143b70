"""Deadlines that are nearly never reached, for every request: one timer for all of them.

A timer of the event loop for each request costs more than the request's row does to decode.
`http.body_limits` and `serving.inference` set a deadline and take it back when they are in time.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Callable


class Deadlines:
    """For one event loop. Times are those of `time.perf_counter()`, in seconds."""

    def __init__(self) -> None:
        self._set: dict[int, tuple[float, Callable[[], None]]] = {}
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf

    def set(self, at: float, missed: Callable[[], None]) -> int:
        """Call `missed` at `at`, unless `clear` is called before with the number that is returned.

        With a time that is past, `missed` is called in the next turn of the loop.
        """
        number = next(self._numbers)
        self._set[number] = (at, missed)
        if at < self._wakes_at:
            self._wake(at)
        return number

    def clear(self, number: int) -> None:
        """It was met; no harm if it was missed."""
        self._set.pop(number, None)

    def _wake(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = at
        left = max(0.0, at - time.perf_counter())
        self._timer = asyncio.get_running_loop().call_later(left, self._look)

    def _look(self) -> None:
        """The timer stays when its deadline is met, so often there is only a later one."""
        self._timer, self._wakes_at = None, math.inf
        now = time.perf_counter()
        for number, (at, missed) in list(self._set.items()):
            if at <= now:
                del self._set[number]
                missed()
        if self._set:
            self._wake(min(at for at, _ in self._set.values()))
