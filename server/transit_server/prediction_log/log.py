"""The event loop's side of the log: what is written, and how much may wait to be.

Nothing here waits, and what doesn't fit is dropped and counted. It is kept as it is: to make lines
of it is the writing thread's affair, which is faster at many at once.
Requests are chosen whole, by the random serial that each has, so that several models' answers to
one request are written together. Neighbours: `lines` has an entry's form, `writer` takes what
waits.
"""

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from transit_server.formats.base import Rows, Scores
from transit_server.observability.prediction_log_series import PredictionLogSeries
from transit_server.prediction_log.columns import Features, features_of, salt_in, wants_hashes
from transit_server.prediction_log.lines import (
    Entry,
    Feedback,
    Kind,
    Model,
    Place,
)
from transit_server.prediction_log.writer import FILE, Waiting, Writer
from transit_server.settings import PredictionLogSettings

log = logging.getLogger(__name__)

_SERIALS: Final = 2**64
_DAY: Final = 86_400


class PredictionLog:
    """Takes what was answered; a thread of its own writes it. For the event loop only.

    Raises `InvalidReference` for an address that nothing can be written to.
    """

    def __init__(
        self,
        settings: PredictionLogSettings,
        model_deployment: str,
        revision: str,
        series: PredictionLogSeries,
    ) -> None:
        namespace, _, name = model_deployment.partition("/")
        self._place = Place(namespace, name, revision)
        self._settings = settings
        self._threshold = int(settings.share * _SERIALS)
        self._salt = salt_in(settings.secret)
        if self._salt is None and wants_hashes(settings):
            log.error(
                "prediction log: columns to be hashed are left out: the Secret has no entry 'salt'"
                " of at least 16 bytes"
            )
        self._series = series
        self._features: dict[Model, Features] = {}
        self._waiting: deque[Waiting] = deque()
        self._taken = 0  # bytes, ever; the writer knows how many of them are done with
        self._woken = 0
        # For a file, or so much that there is still room for what comes while it is put.
        self._enough = min(FILE, settings.buffer // 4)
        self._writer = Writer(settings, self._place, self._waiting, series)
        series.pending_is(lambda: float(self._taken - self._writer.done))

    def kept(self, model: Model, rows: Rows) -> Rows | None:
        """What `answered` and `failed` are to be given of rows that a model is about to get.

        It is a copy, for preprocessing may write into them, and they may be a part of a body; None
        where no feature is written.
        """
        return rows.copy() if self._features_of(model) else None

    def answered(
        self,
        model: Model,
        rows: Rows | None,
        scores: Scores,
        class_ids: Sequence[int],
        errors: Mapping[int, str],
        seconds: float,
        request_id: str,
        serial: bytes,
    ) -> None:
        """A model has answered rows, but for those in `errors`."""
        if self.is_chosen(serial):
            numbers: Sequence[int] = range(len(scores))
        elif errors:
            numbers = sorted(errors)
        else:
            return
        self._note(
            *(model, rows, scores, class_ids, dict(errors), seconds, request_id, serial, numbers)
        )

    def failed(
        self,
        model: Model,
        rows: Rows | None,
        count: int,
        code: str,
        seconds: float,
        request_id: str,
        serial: bytes,
    ) -> None:
        """A model has answered none of `count` rows, for one reason."""
        numbers = range(count)
        errors = dict.fromkeys(numbers, code)
        self._note(model, rows, None, (), errors, seconds, request_id, serial, numbers)

    def told(
        self,
        serial: bytes,
        row: int,
        by: tuple[str, str, str],
        predicted: str | tuple[float, float],
        label: str | float,
        correct: bool,
    ) -> None:
        """Feedback has come on what `by` (revision, model, version) has predicted."""
        revision, model, version = by
        now = time.time()
        line = Feedback(
            datetime.fromtimestamp(now, UTC),
            serial.hex(),
            row,
            model,
            version,
            self._place.namespace,
            self._place.name,
            revision,
            predicted,
            label,
            correct,
        )
        self._put("feedback", now, line, 1, line.weight)

    def close(self, patience: float) -> None:
        """Write what waits, within `patience` seconds. Blocks."""
        self._writer.close(patience)

    def is_chosen(self, serial: bytes) -> bool:
        """Whether a request is one of the share."""
        return int.from_bytes(serial, "big") < self._threshold

    def _note(
        self,
        model: Model,
        rows: Rows | None,
        scores: Scores | None,
        class_ids: Sequence[int],
        errors: dict[int, str],
        seconds: float,
        request_id: str,
        serial: bytes,
        numbers: Sequence[int],
    ) -> None:
        whole = isinstance(numbers, range)
        if not whole:
            class_ids = [class_ids[number] for number in numbers]
            rows = None if rows is None else rows[numbers]
            scores = None if scores is None else scores[numbers]
        elif scores is not None:
            scores = scores.copy()  # what is kept must not keep a whole batch's
        entry = Entry(
            model,
            self._features_of(model),
            self._place,
            time.time(),
            request_id,
            serial.hex(),
            seconds,
            numbers,
            rows,
            scores,
            class_ids,
            errors,
        )
        self._put("predictions", entry.time, entry, len(numbers), entry.weight)

    def _features_of(self, model: Model) -> Features:
        found = self._features.get(model)
        if found is None:
            found = features_of(model.name, model.inputs, self._settings, self._salt)
            self._features[model] = found
        return found

    def _put(self, kind: Kind, now: float, what: Entry | Feedback, lines: int, weight: int) -> None:
        """Have something written, if there is room for it."""
        if self._taken - self._writer.done + weight > self._settings.buffer:
            self._series.dropped(lines)
            return
        self._waiting.append(Waiting((kind, int(now) // _DAY), what, lines, weight))
        self._taken += weight
        if self._taken - self._woken >= self._enough:
            self._woken = self._taken
            self._writer.wake()
