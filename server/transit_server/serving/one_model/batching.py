"""One model's queue: rows of many requests in one call, and no waiting when idle.

A request that finds the model idle goes to it when the turn of the event loop is over, together
with all that came in that turn. While the model is busy, requests gather; when it is done, the next
batch goes. Whose rows are in it, `turns` says. Only under load, when the last batch held more than
one row, does a batch wait for the next turn of the loop as well, as long as each brings more rows:
handing a batch over costs the event loop as much as two or three requests.

The event loop stands still while a quick model works, and goes on beside a slow one (see
`model_thread`). Quick is what took less than `QUICK` for its last batch. A quick model can wait as
long as turns bring rows, for the loop has to decode them anyway. A slow one has more to lose: with
the time that it works, it waits at most `max_wait`.

Everything here but `_work` runs on the event loop, which is why there is no lock.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transit_models.counting import counted
from transit_server.errors import Overloaded, PredictionFailed
from transit_server.formats.base import Rows
from transit_server.serving.one_model.failure import Failure
from transit_server.serving.one_model.model_thread import ModelThread
from transit_server.serving.one_model.pace import Pace
from transit_server.serving.one_model.predictor import BatchResult
from transit_server.serving.one_model.turns import Piece, Turns, Waiting

log = logging.getLogger(__name__)

QUICK = 0.004  # seconds; the longest time that the event loop stands still
_LONGEST_RETRY = 30.0

_Predict = Callable[[Rows], BatchResult]


@dataclass(slots=True)
class _Done:
    batch: list[Piece]
    result: BatchResult | Exception
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything; see `Settings` for what each means. `timeout` is the longest that a
    request may take.
    """

    max_rows: int = 32
    max_wait: float = 0.002
    max_queue: int = 2048
    timeout: float = 30.0


class Batcher:
    """Feeds `predict`, on a thread of its own, with batches of at most `limits.max_rows`."""

    def __init__(self, name: str, predict: _Predict, limits: Limits) -> None:
        self._name = name
        self._predict = predict
        self._limits = limits
        self._turns = Turns()
        self._pace = Pace(limits.max_rows)
        self._at_work: list[Piece] = []
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
        return self._turns.rows

    @property
    def busy_for(self) -> float:
        """Seconds that the model has been working on its present batch; 0 when idle. For any
        thread.
        """
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def hangs(self) -> bool:
        """Whether the present batch takes longer than any request in it could wait."""
        return self.busy_for > self._limits.timeout

    def at_work(self) -> Rows:
        """The rows that the model has now; to be asked while it `hangs`."""
        return _together(self._at_work)

    def submit(self, rows: Rows, left: float = math.inf, *, alone: bool = False) -> Waiting:
        """Queue `rows`, which have to be answered within `left` seconds. Raises `Overloaded` if
        there is no room, or if they can't be done in time. Who waits no longer says `drop`.

        Room is counted in the rows that come before the last of these: a large request leaves room
        for a small one. A request that finds nobody waiting has room.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        before = self._turns.before(len(rows))
        # What goes to an idle model when the turn is over does not wait.
        leaving = self._limits.max_rows if self._busy_since is None else 0
        if before and before + len(rows) > self._limits.max_queue + leaving:
            wait = self._pace.seconds_for(before)
            raise Overloaded(
                f"model {self._name} has {counted(self.queued, 'row')} waiting already",
                retry_after=min(wait, _LONGEST_RETRY),
            )
        self._refuse_what_is_too_late(len(rows), before, left)
        return self._put(rows, alone=alone)

    def ask_first(self, rows: Rows) -> Waiting:
        """Queue `rows`, no more than a batch, before all others: the model's own probes."""
        self._loop = asyncio.get_running_loop()
        return self._put(rows, whole=True)

    def drop(self, waiting: Waiting) -> None:
        """Nobody waits for these rows any more."""
        self._turns.drop(waiting)

    def close(self) -> None:
        """End the model's thread after the batch it works on."""
        self._thread.close()

    def _put(self, rows: Rows, alone: bool = False, whole: bool = False) -> Waiting:
        assert self._loop is not None
        waiting = Waiting(rows, self._loop.create_future(), alone, whole)
        self._turns.put(waiting)
        if self._busy_since is None:
            self._gather()
        return waiting

    def _refuse_what_is_too_late(self, rows: int, before: int, left: float) -> None:
        needed = self._pace.seconds_for(before + rows)
        if self._busy_since is not None:
            needed += max(0.0, self._pace.seconds_for(self._expected) - self.busy_for)
        if needed <= left:
            return
        # What the model took long ago is no estimate, or it might never be asked again.
        idle = self._busy_since is None and not before
        if idle and self._pace.age(time.monotonic()) > self._limits.timeout:
            return
        raise Overloaded(
            f"model {self._name} would have answered {counted(rows, 'row')} "
            f"in about {needed:.0f} s, and a request may take {self._limits.timeout:g} s: send "
            "fewer rows, or later",
            retry_after=min(max(0.0, needed - left), _LONGEST_RETRY),
        )

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
            and self._seen < self._turns.rows < self._limits.max_rows
            and self._may_wait()
        ):
            self._seen = self._turns.rows
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
        batch = self._turns.batch(self._limits.max_rows)
        if batch:
            self._expected = sum(piece.size for piece in batch)
            self._at_work = batch
            self._busy_since = time.monotonic()
            done = self._thread.give(batch, QUICK if self._took < QUICK else 0.0)
            if done is not None:
                self._finish(done)

    def _work(self, batch: list[Piece]) -> _Done:
        """On the model's thread."""
        start = time.monotonic()
        result: BatchResult | Exception
        try:
            result = self._predict(_together(batch))
        except BaseException as error:  # the thread must outlive whatever a model does
            failure = Failure.of("the model", error)
            log.error("model %s: %s", self._name, failure.for_log())
            result = PredictionFailed(f"model {self._name}: {failure.reason}")
        end = time.monotonic()
        if isinstance(result, BatchResult):
            result.began, result.ended = start, end
        return _Done(batch, result, end - start)

    def _finish(self, done: _Done) -> None:
        self._busy_since = None
        self._at_work = []
        self._took = done.seconds
        self._pace.took(self._expected, done.seconds, time.monotonic())
        if self._took < QUICK:
            # The loop would stand still before it has written the answers.
            self._answer(done)
            if self._turns.requests:
                self._gather()
            return
        if self._turns.rows >= self._expected:
            self._start()  # before answering, so that the model works while answers are written
        elif self._turns.requests:
            self._gather()
        self._answer(done)

    def _answer(self, done: _Done) -> None:
        start = 0
        for piece in done.batch:
            stop = start + piece.size
            if not piece.of.future.done():
                if isinstance(done.result, Exception):
                    self._turns.drop(piece.of)
                    piece.of.future.set_exception(done.result)
                else:
                    piece.of.answer(done.result.part(start, stop), piece.size)
            start = stop


def _together(batch: list[Piece]) -> Rows:
    return batch[0].rows if len(batch) == 1 else np.concatenate([piece.rows for piece in batch])
