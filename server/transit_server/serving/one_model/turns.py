"""Who is next: rows of many requests take turns, so that a large request shuts nobody out.

A batch is filled by taking rows from each waiting request in turn. A request with one row is so
behind at most one row of each other, however many those have. `batching` decides when a batch
begins; nothing here waits or knows the time.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from transit_server.formats.base import Rows
from transit_server.serving.one_model.predictor import BatchResult


@dataclass(slots=True, eq=False)
class Waiting:
    """One request's rows. `alone`: each of them is given to the model in a batch of its own.
    `whole`: all of them in one that nobody else's are in.
    """

    rows: Rows
    future: "asyncio.Future[BatchResult]"
    alone: bool = False
    whole: bool = False
    taken: int = 0  # rows that were given to the model
    answered: int = 0
    results: list[BatchResult] | None = None

    @property
    def left(self) -> int:
        """Rows that still wait."""
        return len(self.rows) - self.taken

    def answer(self, result: BatchResult, count: int) -> None:
        """The model has answered the next `count` rows; those come in their order."""
        if count == len(self.rows):
            self.future.set_result(result)
            return
        self.answered += count
        if self.results is None:
            self.results = []
        self.results.append(result)
        if self.answered == len(self.rows):
            self.future.set_result(_joined(self.results))


class Piece(NamedTuple):
    """Rows of one request in a batch."""

    of: Waiting
    start: int
    size: int

    @property
    def rows(self) -> Rows:
        rows = self.of.rows
        return rows if self.size == len(rows) else rows[self.start : self.start + self.size]


class Turns:
    """The requests that wait for one model; those in `rows` and `requests` are still wanted."""

    def __init__(self) -> None:
        self._queue: deque[Waiting] = deque()
        self.rows = 0
        self.requests = 0

    def put(self, waiting: Waiting) -> None:
        """At the end of the queue, or if it is `whole` before all others."""
        if waiting.whole:
            self._queue.appendleft(waiting)
        else:
            self._queue.append(waiting)
        self.rows += waiting.left
        self.requests += 1

    def drop(self, waiting: Waiting) -> None:
        """Nobody waits for it any more: what is left of it is not given to the model."""
        if waiting.left:
            self.rows -= waiting.left
            self.requests -= 1
            waiting.taken = len(waiting.rows)

    def before(self, rows: int) -> int:
        """How many rows of others a new request of so many has to wait for."""
        if rows == 1:
            return self.requests
        return sum(min(waiting.left, rows) for waiting in self._queue)

    def batch(self, most: int) -> list[Piece]:
        """The next rows, at most so many; empty when nobody waits."""
        pieces: list[Piece] = []
        share = max(1, most // max(1, self.requests))
        room = most
        while room and self._queue:
            waiting = self._queue[0]
            if waiting.alone and pieces:
                break
            self._queue.popleft()
            if not waiting.left:
                continue  # it was dropped
            count = 1 if waiting.alone else min(waiting.left, room)
            if not waiting.whole:
                count = min(count, share)
            pieces.append(Piece(waiting, waiting.taken, count))
            waiting.taken += count
            self.rows -= count
            if waiting.left:
                self._queue.append(waiting)
            else:
                self.requests -= 1
            if waiting.alone or waiting.whole:
                break
            room -= count
        return pieces


def _joined(parts: list[BatchResult]) -> BatchResult:
    errors = {}
    offset = 0
    for part in parts:
        errors.update({offset + row: failure for row, failure in part.errors.items()})
        offset += len(part.scores)
    began = min(part.began for part in parts)
    ended = max(part.ended for part in parts)
    return BatchResult(np.concatenate([part.scores for part in parts]), errors, began, ended)
