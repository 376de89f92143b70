"""Work on threads beside the event loop, of which nothing is left when it is over.

Neighbours: bodies are unpacked (`http.wire.body_limits`) and decoded (`api.decoding.large_bodies`)
here. `asyncio.to_thread` and `run_in_executor` would do, but for two things. Who is cancelled goes
on at once there, while the thread still has the body, and nobody counts it any more. And each
result stays in a circle of futures until the garbage collector comes round.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class WorkerThreads:
    """So many threads, and a queue before them."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, name)

    async def run(self, work: Callable[[], T]) -> T:
        """`work()`. Who is cancelled waits until no thread has it any more; what has not begun then
        is not done.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._pool.submit(job.run)
        try:
            await asyncio.shield(job.ended)
        except asyncio.CancelledError:
            job.wanted = False
            await job.ended
            job.forget()
            raise
        return job.outcome()


class _Job(Generic[T]):
    """One piece of work, and what came of it."""

    def __init__(
        self,
        work: Callable[[], T],
        loop: asyncio.AbstractEventLoop,
        ended: "asyncio.Future[None]",
    ) -> None:
        self.ended = ended
        self.wanted = True
        self._work: Callable[[], T] | None = work
        self._loop = loop
        self._made: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """On a thread."""
        work, self._work = self._work, None
        if self.wanted and work is not None:
            try:
                self._made.append(work())
            except BaseException as error:  # raised again where it was asked for
                self._error = error
        del work
        self._loop.call_soon_threadsafe(self._end)

    def outcome(self) -> T:
        """What `work` gave, or raised."""
        if self._error is None:
            return self._made.pop()
        error, self._error = self._error, None
        try:
            raise error
        finally:
            del error  # it knows this frame, which must not know it

    def forget(self) -> None:
        """Nobody asks for the outcome."""
        self._made.clear()
        self._error = None

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
