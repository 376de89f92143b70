"""One model's queue: rows of many requests in one call, and no waiting when idle.

A request that finds the model idle goes to it when the turn of the event loop is over, together
with all that came in that turn. While the model is busy, requests gather; when it is done, all that
gathered goes next. Only under load, when the last batch held more than one row, does a batch wait
for the next turn as well, as long as each brings more rows: handing a batch over costs the event
loop as much as two or three requests.

The event loop stands still while a quick model works, and goes on beside a slow one (see
`model_thread`). Quick is what took less than `QUICK` for its last batch. A quick model can wait as
long as turns bring rows, for the loop has to decode them anyway. A slow one has more to lose: with
the time that it works, it waits at most `max_wait`.

Everything here but `_work` runs on the event loop, which is why there is no lock.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transit_server.errors import Overloaded, PredictionFailed
from transit_server.formats.base import Rows
from transit_server.serving.model_thread import ModelThread
from transit_server.serving.predictor import BatchResult

QUICK = 0.004  # seconds; the longest time that the event loop stands still

_Predict = Callable[[Rows], BatchResult]


@dataclass(slots=True, eq=False)
class _Waiting:
    rows: Rows
    future: "asyncio.Future[BatchResult]"


@dataclass(slots=True)
class _Done:
    batch: list[_Waiting]
    result: BatchResult | Exception
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything; see `Settings` for what each means."""

    max_rows: int = 32
    max_wait: float = 0.002
    max_queue: int = 2048


class Batcher:
    """Feeds `predict`, on a thread of its own, with batches of at most `limits.max_rows`."""

    def __init__(self, name: str, predict: _Predict, limits: Limits) -> None:
        self._name = name
        self._predict = predict
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._busy_since: float | None = None
        self._expected = 1  # rows of the last batch: how many more are likely to come at once
        self._took = 0.0
        self._gathering_since: float | None = None
        self._seen = 0  # rows at the end of the turn before
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ModelThread(name, self._work, self._finish)

    @property
    def queued(self) -> int:
        """Rows that wait for the model."""
        return self._queued

    @property
    def busy_for(self) -> float:
        """Seconds that the model has been working on its present batch; 0 when idle."""
        return 0.0 if self._busy_since is None else time.monotonic() - self._busy_since

    def submit(self, rows: Rows) -> "list[asyncio.Future[BatchResult]]":
        """Queue `rows`, in parts of at most `max_rows`; the futures may be cancelled. Raises
        `Overloaded` if others wait and there is no room for all; a request that finds nobody
        waiting has room.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        # What goes to an idle model when the turn is over does not wait.
        leaving = self._limits.max_rows if self._busy_since is None else 0
        if self._queued and self._queued + len(rows) > self._limits.max_queue + leaving:
            raise Overloaded(f"{self._queued} rows wait for model {self._name} already")
        size = self._limits.max_rows
        parts = [rows] if len(rows) <= size else _parts(rows, size)
        waiting = [_Waiting(part, self._loop.create_future()) for part in parts]
        self._queue.extend(waiting)
        self._queued += len(rows)
        if self._busy_since is None:
            self._gather()
        return [one.future for one in waiting]

    def close(self) -> None:
        """End the model's thread after the batch it works on."""
        self._thread.close()

    def _gather(self) -> None:
        """The model is idle and somebody waits: it starts with the end of this turn or a later."""
        if self._gathering_since is None:
            assert self._loop is not None
            self._gathering_since = time.monotonic()
            self._seen = 0
            self._loop.call_soon(self._turn_is_over)

    def _turn_is_over(self) -> None:
        assert self._loop is not None
        if (
            self._expected > 1
            and self._seen < self._queued < self._limits.max_rows
            and self._may_wait()
        ):
            self._seen = self._queued
            self._loop.call_soon(self._turn_is_over)
        else:
            self._gathering_since = None
            self._start()

    def _may_wait(self) -> bool:
        assert self._gathering_since is not None
        if self._took < QUICK:
            return self._limits.max_wait > 0
        waited = time.monotonic() - self._gathering_since
        return waited + self._took < self._limits.max_wait

    def _start(self) -> None:
        """Give the model the next batch, if anybody still waits."""
        batch: list[_Waiting] = []
        size = 0
        while self._queue and size + len(self._queue[0].rows) <= self._limits.max_rows:
            waiting = self._queue.popleft()
            self._queued -= len(waiting.rows)
            if not waiting.future.done():
                batch.append(waiting)
                size += len(waiting.rows)
        if batch:
            self._expected = size
            self._busy_since = time.monotonic()
            done = self._thread.give(batch, QUICK if self._took < QUICK else 0.0)
            if done is not None:
                self._finish(done)

    def _work(self, batch: list[_Waiting]) -> _Done:
        """On the model's thread."""
        start = time.monotonic()
        result: BatchResult | Exception
        try:
            rows = batch[0].rows if len(batch) == 1 else np.concatenate([w.rows for w in batch])
            result = self._predict(rows)
        except BaseException as error:  # the thread must outlive whatever a model does
            result = PredictionFailed(f"{type(error).__name__}: {error}")
        end = time.monotonic()
        if isinstance(result, BatchResult):
            result.began, result.ended = start, end
        return _Done(batch, result, end - start)

    def _finish(self, done: _Done) -> None:
        self._busy_since = None
        self._took = done.seconds
        if self._took < QUICK:
            # The loop would stand still before it has written the answers.
            self._answer(done)
            if self._queue:
                self._gather()
            return
        if self._queued >= self._expected:
            self._start()  # before answering, so that the model works while answers are written
        elif self._queue:
            self._gather()
        self._answer(done)

    def _answer(self, done: _Done) -> None:
        start = 0
        for waiting in done.batch:
            stop = start + len(waiting.rows)
            if not waiting.future.done():
                if isinstance(done.result, Exception):
                    waiting.future.set_exception(done.result)
                else:
                    waiting.future.set_result(done.result.part(start, stop))
            start = stop


def _parts(rows: Rows, size: int) -> list[Rows]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
