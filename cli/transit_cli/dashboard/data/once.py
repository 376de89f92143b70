"""Each question asked once a tick, however many pages want the answer.

Whoever comes first asks, in a thread; whoever comes while that goes on, or later in the tick, gets
the same answer or the same error. Neighbour: `sources` has the questions.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")
_AT_ONCE = 16
_KEPT_SECONDS = 600.0  # what nobody has asked for so long is forgotten


class Once:
    """Answers by question. Lives in one event loop."""

    def __init__(self) -> None:
        # threads of its own: whoever doesn't answer holds up no command
        self._threads = ThreadPoolExecutor(_AT_ONCE, "asking")
        self._tasks: dict[Hashable, tuple[int, float, asyncio.Future[Any]]] = {}

    async def ask(self, question: Hashable, tick: float, how: Callable[[], Answer]) -> Answer:
        """Return the answer of this tick of so many seconds. Raises: what `how` raises."""
        now = time.time()
        number = int(now // tick)
        known = self._tasks.get(question)
        if known is None or known[0] != number:
            self._forget(now)
            task = asyncio.get_running_loop().run_in_executor(self._threads, how)
            self._tasks[question] = (number, now, task)
        else:
            task = known[2]
        found: Answer = await asyncio.shield(task)
        return found

    def _forget(self, now: float) -> None:
        old = [q for q, (_, at, _) in self._tasks.items() if now - at > _KEPT_SECONDS]
        for question in old:
            del self._tasks[question]
