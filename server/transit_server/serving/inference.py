"""One way for every prediction, whatever API it came by: circuit breaker, queue, wait, count.

`api` decodes and encodes around it. Counting happens here and nowhere else, except for clients'
mistakes, which are found before there is anything to predict.

When a circuit opens, the model is given the rows that it answered at the start, its probes. If it
fails on all of them too, the fault is the process's, not the requests', and the server is not ready
(`api.catalog`); the probes are repeated until one is answered.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from transit_models.schema import Number
from transit_server.errors import CircuitOpen, Overloaded, ServingError, TimedOut
from transit_server.formats.base import Rows, Scores
from transit_server.observability.tracing import ModelSpans
from transit_server.runtime.deadlines import Deadlines
from transit_server.serving.breaker import State
from transit_server.serving.predictor import BatchResult
from transit_server.serving.registry import ServedModel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model said about some rows. Rows in `errors` have NaN scores and no meaningful
    class.
    """

    model: ServedModel
    scores: Scores
    class_ids: list[int]
    errors: dict[int, str]
    seconds: float


class Inference:
    """Predicts with the models of a registry, within `timeout` seconds of a request's start."""

    def __init__(
        self, timeout: float, deadlines: Deadlines, spans: ModelSpans | None = None
    ) -> None:
        self._timeout = timeout
        self._deadlines = deadlines
        self._spans = spans
        self._probing: dict[ServedModel, asyncio.Task[None]] = {}

    async def predict(self, model: ServedModel, rows: Rows, started: float) -> Prediction:
        """`started` is `time.perf_counter()` when the request came. Raises `TimedOut`,
        `Overloaded`, `CircuitOpen`.
        """
        try:
            ticket = model.breaker.admit()
        except CircuitOpen:
            # No latency: a refusal at once must not make a failing model look fast.
            model.metrics.failed(len(rows))
            raise
        submitted = time.monotonic()
        try:
            result = await self._result(model, rows, started)
        except ServingError as error:
            if isinstance(error, Overloaded):
                model.breaker.abandoned(ticket)
            elif model.breaker.failed(ticket):
                self._probe(model)
            model.metrics.failed(len(rows))
            model.metrics.took(time.perf_counter() - started)
            raise
        except BaseException:
            model.breaker.abandoned(ticket)
            raise
        if self._spans is not None:
            times = (submitted, result.began, result.ended)
            self._spans.record(model.name, model.version, len(rows), *times)
        class_ids = _class_ids(result, model)
        if result.errors:
            if len(result.errors) < len(rows):
                model.breaker.succeeded(ticket)
            elif model.breaker.failed(ticket):
                self._probe(model)
            model.metrics.failed(len(result.errors))
            good = [c for row, c in enumerate(class_ids) if row not in result.errors]
            model.metrics.succeeded(good)
        else:
            model.breaker.succeeded(ticket)
            model.metrics.succeeded(class_ids)
        seconds = time.perf_counter() - started
        model.metrics.took(seconds)
        return Prediction(model, result.scores, class_ids, result.errors, seconds)

    def _probe(self, model: ServedModel) -> None:
        """The circuit has just opened: find out whose fault it is. One look at a time."""
        if model not in self._probing:
            task = asyncio.get_running_loop().create_task(self._probed(model))
            self._probing[model] = task
            task.add_done_callback(lambda _: self._probing.pop(model))

    async def _probed(self, model: ServedModel) -> None:
        """Until the model answers a probe, or has closed its circuit by answering a request."""
        while model.breaker.state is not State.CLOSED:
            try:
                result = await self._result(model, model.probes, time.perf_counter())
                model.breaker.broken = len(result.errors) == len(model.probes)
            except Overloaded:
                pass  # it works on other rows: no news
            except ServingError:
                model.breaker.broken = True
            if not model.breaker.broken:
                return
            log.error("model %s fails on its own probe rows: not ready", model.name)
            await asyncio.sleep(model.breaker.open_for)

    async def _result(self, model: ServedModel, rows: Rows, started: float) -> BatchResult:
        """The joined answers, or `TimedOut`."""
        parts = model.batcher.submit(rows)
        late = partial(_expire, model, parts, self._timeout)
        deadline = self._deadlines.set(started + self._timeout, late)
        try:
            if len(parts) == 1:
                return await parts[0]
            return _joined([await part for part in parts])
        finally:
            self._deadlines.clear(deadline)
            for part in parts:
                part.cancel()


def _expire(model: ServedModel, parts: list["asyncio.Future[BatchResult]"], timeout: float) -> None:
    for part in parts:
        if not part.done():
            part.set_exception(TimedOut(f"model {model.name} did not answer within {timeout:g} s"))


def _joined(parts: list[BatchResult]) -> BatchResult:
    errors: dict[int, str] = {}
    offset = 0
    for part in parts:
        errors.update({offset + row: text for row, text in part.errors.items()})
        offset += len(part.scores)
    began = min(part.began for part in parts)
    ended = max(part.ended for part in parts)
    return BatchResult(np.concatenate([part.scores for part in parts]), errors, began, ended)


def _class_ids(result: BatchResult, model: ServedModel) -> list[int]:
    """Which of the model's labels each row counts for."""
    if model.probabilities:
        return _classes(result)
    if model.regression or model.several:
        return _bins(result, model)
    return _classes(BatchResult(result.scores[:, : len(model.labels)], result.errors))


def _bins(result: BatchResult, model: ServedModel) -> list[int]:
    """The range that each row's value is in."""
    bins = model.outputs.bins if isinstance(model.outputs, Number) else ()
    class_ids: list[int] = np.digitize(np.nan_to_num(result.scores[:, 0]), bins).tolist()
    return class_ids


def _classes(result: BatchResult) -> list[int]:
    """The most probable class of each row; of equals, the first."""
    if len(result.scores) == 1:  # for one row, NumPy takes five times as long
        row = result.scores[0].tolist()
        return [row.index(max(row))]
    scores = np.nan_to_num(result.scores, nan=-1.0) if result.errors else result.scores
    class_ids: list[int] = np.argmax(scores, axis=1).tolist()
    return class_ids
