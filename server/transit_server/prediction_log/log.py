"""The event loop's side of the log: what is written, and how much may wait to be.

Nothing here waits, and nothing here fails a request: what doesn't fit is dropped and counted.
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

import msgspec

from transit_server.formats.base import Rows, Scores
from transit_server.observability.prediction_log_series import PredictionLogSeries
from transit_server.prediction_log.columns import Features, features_of, salt_in, wants_hashes
from transit_server.prediction_log.lines import (
    Entry,
    Feedback,
    Kind,
    Model,
    Place,
    encoded,
    lines_of,
)
from transit_server.prediction_log.writer import FILE, Key, Waiting, Writer
from transit_server.settings import PredictionLogSettings

log = logging.getLogger(__name__)

_SERIALS: Final = 2**64
_DAY: Final = 86_400
# Made into lines at once: that takes less than another thread's turn for it would cost everybody.
_SMALL: Final = 16_384


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
        self._put("feedback", now, encoded(line), 1)

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
        try:
            whole = isinstance(numbers, range)
            chosen = slice(None) if whole else list(numbers)
            entry = Entry(
                model,
                self._features_of(model),
                self._place,
                time.time(),
                request_id,
                serial.hex(),
                seconds,
                numbers,
                None if rows is None else rows[chosen],
                None if scores is None else scores[chosen],
                class_ids if whole else [class_ids[number] for number in numbers],
                errors,
            )
            weight = entry.weight
            if weight <= _SMALL:
                ((line, count),) = lines_of(entry)
                self._put("predictions", entry.time, line, count)
            elif self._has_room(weight, len(numbers)):
                key = _key("predictions", entry.time)
                self._take(Waiting(key, _own(entry), len(numbers), weight))
        except Exception:  # a fault of the log must not become one of the request
            log.exception("prediction log: %d rows are not written", len(numbers))
            self._series.dropped(len(numbers))

    def _features_of(self, model: Model) -> Features:
        found = self._features.get(model)
        if found is None:
            found = features_of(model.name, model.inputs, self._settings, self._salt)
            self._features[model] = found
        return found

    def _put(self, kind: Kind, now: float, line: bytes, count: int) -> None:
        if self._has_room(len(line), count):
            self._take(Waiting(_key(kind, now), line, count, len(line)))

    def _has_room(self, weight: int, count: int) -> bool:
        """Whether so much more may wait; else so many lines are dropped."""
        if self._taken - self._writer.done + weight <= self._settings.buffer:
            return True
        self._series.dropped(count)
        return False

    def _take(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        self._taken += waiting.weight
        if self._taken - self._woken >= self._enough:
            self._woken = self._taken
            self._writer.wake()


def _key(kind: Kind, now: float) -> Key:
    return kind, int(now) // _DAY


def _own(entry: Entry) -> Entry:
    """An entry that keeps no more in memory than it needs: scores are a part of a batch's."""
    scores = entry.scores
    return msgspec.structs.replace(entry, scores=None if scores is None else scores.copy())
