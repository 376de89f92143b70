"""One way for every prediction, whatever API it came by: circuit breaker, queue, wait, count, log.

`api` decodes and encodes around it. Counting happens here and nowhere else, except for clients'
mistakes, which are found before there is anything to predict:

- an answer is a success, what the model is too late for an error;
- a row that it fails on is an `input_error` while it answers its own probes, else an error: see
  `trials`; one that hung lately is no more given to it, and an `input_error` too;
- what there is no room or no time for is refused: no error, and no latency, for it would look fast;
- what is kept from a model that fails on its own probes, or hangs, is an error without a latency;
- who has gone before the answer has a latency, as long as it waited, and nothing else.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from transit_models.schema import Number
from transit_server.errors import CircuitOpen, Overloaded, RowInQuarantine, ServingError, TimedOut
from transit_server.formats.base import Rows, Scores
from transit_server.observability.logs import fields
from transit_server.observability.tracing import ModelSpans
from transit_server.prediction_log.log import PredictionLog
from transit_server.runtime.deadlines import Deadlines
from transit_server.serving.guarding.quarantine import Quarantine
from transit_server.serving.guarding.trials import Trials
from transit_server.serving.one_model.failure import Failure
from transit_server.serving.one_model.predictor import BatchResult
from transit_server.serving.one_model.turns import Waiting
from transit_server.serving.registry import ServedModel

log = logging.getLogger(__name__)

_LOG_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model said about some rows. Rows in `errors` have NaN scores and no meaningful
    class.
    """

    model: ServedModel
    scores: Scores
    class_ids: list[int]
    errors: dict[int, Failure]
    seconds: float


class Predicting(Protocol):
    """`Inference`, or what stands before it."""

    async def predict(
        self, model: ServedModel, rows: Rows, started: float, request_id: str, serial: bytes
    ) -> Prediction:
        """See `Inference.predict`."""
        ...


class Inference:
    """Predicts with the models of a registry, within `timeout` seconds of a request's start."""

    def __init__(
        self,
        timeout: float,
        deadlines: Deadlines,
        quarantine: Quarantine,
        spans: ModelSpans | None = None,
        prediction_log: PredictionLog | None = None,
    ) -> None:
        self._timeout = timeout
        self._deadlines = deadlines
        self._quarantine = quarantine
        self._spans = spans
        self._trials = Trials(self._answers_a_probe)
        self._prediction_log = prediction_log
        self._logged = float("-inf")

    async def predict(
        self, model: ServedModel, rows: Rows, started: float, request_id: str, serial: bytes
    ) -> Prediction:
        """`started` is `time.perf_counter()` when all of the request had come: how long its client
        takes to send it is no matter of the model. `serial` is what no other request has. Raises
        `TimedOut`, `Overloaded`, `CircuitOpen`, `RowInQuarantine`.
        """
        submitted = time.monotonic()
        kept = None if self._prediction_log is None else self._prediction_log.kept(model, rows)
        try:
            waiting = self._submitted(model, rows, started)
            result = await self._result(model, waiting, started + self._timeout)
        except Overloaded:
            model.metrics.requests.refused(len(rows))
            raise
        except RowInQuarantine as error:
            model.metrics.requests.failed_by_input(1.0, len(rows))
            self._log_failed(model, kept, len(rows), error.code, started, request_id, serial)
            raise
        except CircuitOpen as error:
            model.metrics.requests.failed(1.0, len(rows))
            self._log_failed(model, kept, len(rows), error.code, started, request_id, serial)
            raise
        except ServingError as error:
            self._failed(model)
            model.metrics.requests.failed(1.0, len(rows))
            model.metrics.took(time.perf_counter() - started)
            self._log_failed(model, kept, len(rows), error.code, started, request_id, serial)
            raise
        except asyncio.CancelledError:
            model.metrics.took(time.perf_counter() - started)
            raise
        if self._spans is not None:
            times = (submitted, result.began, result.ended)
            self._spans.record(model.name, model.version, len(rows), *times)
        class_ids = _class_ids(result, model)
        if result.errors:
            if len(result.errors) < len(rows):
                model.breaker.succeeded()
            else:
                self._failed(model)
            good = [c for row, c in enumerate(class_ids) if row not in result.errors]
            model.metrics.requests.answered(good, len(rows))
            self._count(model, list(result.errors.values()), len(rows))
            self._tell(model, rows, result, request_id)
        else:
            model.breaker.succeeded()
            model.metrics.requests.answered(class_ids, len(rows))
        seconds = time.perf_counter() - started
        model.metrics.took(seconds)
        if self._prediction_log is not None:
            errors = {row: failure.reason for row, failure in result.errors.items()}
            self._prediction_log.answered(
                *(model, kept, result.scores, class_ids, errors, seconds, request_id, serial)
            )
        return Prediction(model, result.scores, class_ids, result.errors, seconds)

    def remembered(
        self,
        model: ServedModel,
        rows: Rows,
        scores: Scores,
        started: float,
        request_id: str,
        serial: bytes,
    ) -> Prediction:
        """What this very model has answered to these rows before: a success without a latency, and
        no sign that it works. See `remembering`.
        """
        class_ids = _class_ids(BatchResult(scores), model)
        model.metrics.requests.answered(class_ids, len(rows))
        seconds = time.perf_counter() - started
        if self._prediction_log is not None:
            kept = self._prediction_log.kept(model, rows)
            self._prediction_log.answered(
                *(model, kept, scores, class_ids, {}, seconds, request_id, serial)
            )
        return Prediction(model, scores, class_ids, {}, seconds)

    def _log_failed(
        self,
        model: ServedModel,
        rows: Rows | None,
        count: int,
        code: str,
        started: float,
        request_id: str,
        serial: bytes,
    ) -> None:
        if self._prediction_log is not None:
            seconds = time.perf_counter() - started
            self._prediction_log.failed(*(model, rows, count, code, seconds, request_id, serial))

    def _submitted(self, model: ServedModel, rows: Rows, started: float) -> Waiting:
        model.breaker.admit()
        if model.batcher.hangs:
            why = f"model {model.name} {model.unready_because}"
            raise CircuitOpen(why, retry_after=self._timeout)
        alone = self._quarantine.in_use and self._quarantine.must_go_alone(model.id, rows)
        left = started + self._timeout - time.perf_counter()
        return model.batcher.submit(rows, left, alone=alone)

    def _failed(self, model: ServedModel) -> None:
        """Find out whose fault it is, when there were enough failures."""
        if model.breaker.failed():
            self._trials.begin(model)

    def _count(self, model: ServedModel, failures: list[Failure], rows: int) -> None:
        """Those of a request with so many rows."""
        by_row = sum(failure.by_row for failure in failures)
        ours = len(failures) - by_row
        if ours:
            model.metrics.requests.failed(ours / rows, ours)
        if by_row:
            self._trials.failed_on(model, by_row / rows, by_row)

    async def _answers_a_probe(self, model: ServedModel) -> bool:
        waiting = model.batcher.ask_first(model.probes)
        try:
            result = await self._result(model, waiting, time.perf_counter() + self._timeout)
        except ServingError:
            return False
        return len(result.errors) < len(model.probes)

    async def _result(self, model: ServedModel, waiting: Waiting, until: float) -> BatchResult:
        """Raises `TimedOut`. Whatever ends the wait, what is left of the rows is dropped."""
        late = partial(_expire, model, waiting, self._timeout)
        deadline = self._deadlines.set(until, late)
        try:
            return await waiting.future
        finally:
            self._deadlines.clear(deadline)
            model.batcher.drop(waiting)

    def _tell(self, model: ServedModel, rows: Rows, result: BatchResult, request_id: str) -> None:
        """One row of a request that failed, in the log; not of each request, when many do."""
        now = time.monotonic()
        if now - self._logged < _LOG_EVERY:
            return
        self._logged = now
        row, failure = next(iter(result.errors.items()))
        told = failure.for_log(rows[row].tolist())
        log.error("model %s: %s", model.id, told, extra=fields(request_id=request_id))


def _expire(model: ServedModel, waiting: Waiting, timeout: float) -> None:
    if not waiting.future.done():
        text = f"model {model.name} did not answer within {timeout:g} s"
        waiting.future.set_exception(TimedOut(text))


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
