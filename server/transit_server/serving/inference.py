"""One way for every prediction, whatever API it came by: queue, wait, count.

`api` decodes and encodes around it. Counting happens here and nowhere else, except for clients'
mistakes, which are found before there is anything to predict.
"""

import asyncio
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transit_server.errors import Overloaded, ServingError, TimedOut
from transit_server.formats.base import Rows, Scores
from transit_server.serving.registry import ServedModel
from transit_server.serving.scoring import Scored


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model said about some rows. Rows in `errors` have NaN scores and no meaningful
    class.
    """

    model: ServedModel
    scores: Scores
    class_ids: NDArray[np.intp]
    errors: dict[int, str]
    seconds: float


class Inference:
    """Predicts with the models of a registry, within `timeout` seconds of a request's start."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    async def predict(self, model: ServedModel, rows: Rows, started: float) -> Prediction:
        """`started` is `time.perf_counter()` when the request came. Raises `TimedOut`,
        `Overloaded`.
        """
        try:
            scored = await self._scored(model, rows, started)
        except ServingError:
            model.metrics.failed(len(rows))
            model.metrics.took(time.perf_counter() - started)
            raise
        class_ids = _classes(scored)
        if scored.errors:
            model.metrics.failed(len(scored.errors))
            good = [c for row, c in enumerate(class_ids.tolist()) if row not in scored.errors]
            model.metrics.succeeded(good)
        else:
            model.metrics.succeeded(class_ids.tolist())
        seconds = time.perf_counter() - started
        model.metrics.took(seconds)
        return Prediction(model, scored.scores, class_ids, scored.errors, seconds)

    async def _scored(self, model: ServedModel, rows: Rows, started: float) -> Scored:
        size = model.batcher.max_rows
        if len(rows) <= size:
            return await self._within(model, [model.batcher.submit(rows)], started)
        parts: list[asyncio.Future[Scored]] = []
        try:
            for start in range(0, len(rows), size):
                parts.append(model.batcher.submit(rows[start : start + size]))
        except Overloaded:
            for part in parts:
                part.cancel()
            raise
        return await self._within(model, parts, started)

    async def _within(
        self, model: ServedModel, parts: list["asyncio.Future[Scored]"], started: float
    ) -> Scored:
        """The joined answers, or `TimedOut`. A timer per request costs less than
        `asyncio.wait_for`'s task.
        """
        left = self._timeout - (time.perf_counter() - started)
        timer = asyncio.get_running_loop().call_later(left, _expire, model, parts, self._timeout)
        try:
            if len(parts) == 1:
                return await parts[0]
            return _joined([await part for part in parts])
        finally:
            timer.cancel()
            for part in parts:
                part.cancel()


def _expire(model: ServedModel, parts: list["asyncio.Future[Scored]"], timeout: float) -> None:
    for part in parts:
        if not part.done():
            part.set_exception(TimedOut(f"model {model.name} did not answer within {timeout:g} s"))


def _joined(parts: list[Scored]) -> Scored:
    errors: dict[int, str] = {}
    offset = 0
    for part in parts:
        errors.update({offset + row: text for row, text in part.errors.items()})
        offset += len(part.scores)
    return Scored(np.concatenate([part.scores for part in parts]), errors)


def _classes(scored: Scored) -> NDArray[np.intp]:
    """The most probable class of each row; of equals, the first."""
    scores = np.nan_to_num(scored.scores, nan=-1.0) if scored.errors else scored.scores
    class_ids: NDArray[np.intp] = np.argmax(scores, axis=1)
    return class_ids
