"""From raw rows to probabilities, so that a row which fails takes no other row with it.

`loading` builds a `Scorer`, `batching` calls it from the model's own thread. Whatever a model
raises is that row's error: nothing is retried until it happens to work, and no answer is made up.
"""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_server.formats.base import Rows, Scores

log = logging.getLogger(__name__)

_Stage = Callable[[Any], NDArray[Any]]


@dataclass(slots=True)
class Scored:
    """Scores for every row of a batch; the rows in `errors` have none (NaN)."""

    scores: Scores
    errors: dict[int, str] = field(default_factory=dict)

    def part(self, start: int, stop: int) -> "Scored":
        """What belongs to the rows from `start` to `stop`."""
        if not self.errors:
            return Scored(self.scores[start:stop])
        errors = {row - start: text for row, text in self.errors.items() if start <= row < stop}
        return Scored(self.scores[start:stop], errors)


class Scorer:
    """Preprocessing and model, one after the other, each isolated row by row when it fails."""

    def __init__(self, name: str, preprocess: _Stage | None, score: _Stage, outputs: int) -> None:
        self._name = name
        self._preprocess = preprocess
        self._score = score
        self._outputs = outputs
        self._logged = 0.0

    def __call__(self, rows: Rows) -> Scored:
        errors: dict[int, str] = {}
        prepared: NDArray[Any] = rows
        if self._preprocess is not None:
            done = self._isolated(self._preprocess, rows, None, "preprocessing", errors)
            if done is None:
                return Scored(np.full((len(rows), self._outputs), np.nan), errors)
            prepared = done
        kept = _others(len(rows), errors)
        scores = self._isolated(self._score, prepared, self._outputs, "the model", errors, kept)
        if scores is None:
            return Scored(np.full((len(rows), self._outputs), np.nan), errors)
        if not errors:
            if np.isfinite(scores).all():
                return Scored(scores)
            kept = list(range(len(rows)))
        full = np.full((len(rows), self._outputs), np.nan)
        full[[row for row in kept if row not in errors]] = scores
        for row in np.flatnonzero(~np.isfinite(full).all(axis=1)).tolist():
            errors.setdefault(row, "the model's answer is not a finite number")
        return Scored(full, errors)

    def _isolated(
        self,
        stage: _Stage,
        rows: NDArray[Any],
        outputs: int | None,
        what: str,
        errors: dict[int, str],
        numbers: list[int] | None = None,
    ) -> NDArray[Any] | None:
        """`stage` on all rows; if that fails, on each by itself, noting which fail. None: nothing
        was left.
        """
        try:
            return _shaped(stage(rows), len(rows), outputs)
        except BaseException as error:
            if len(rows) == 1:
                errors[numbers[0] if numbers else 0] = self._describe(what, error)
                return None
        answers = []
        for index in range(len(rows)):
            row = numbers[index] if numbers else index
            try:
                answers.append(_shaped(stage(rows[index : index + 1]), 1, outputs))
            except BaseException as error:
                errors[row] = self._describe(what, error)
        return np.concatenate(answers) if answers else None

    def _describe(self, what: str, error: BaseException) -> str:
        """One line for the client. The log gets type and place only: a message may hold a client's
        values.
        """
        now = time.monotonic()
        if now - self._logged > 1.0:
            self._logged = now
            frame = (traceback.extract_tb(error.__traceback__) or [None])[-1]
            place = f"{frame.filename}:{frame.lineno}" if frame else "unknown"
            log.error(
                "model %s: %s failed on a row: %s at %s",
                self._name,
                what,
                type(error).__name__,
                place,
            )
        return f"{what} failed on this row: {type(error).__name__}: {str(error)[:200]}"


def _others(count: int, errors: dict[int, str]) -> list[int]:
    return [row for row in range(count) if row not in errors] if errors else []


def _shaped(answer: Any, rows: int, outputs: int | None) -> NDArray[Any]:
    """`answer` as an array, if it has a row for each row, and as many outputs as it should."""
    array = np.asarray(answer)
    if (
        array.ndim < 2
        or len(array) != rows
        or (outputs is not None and array.shape[1:] != (outputs,))
    ):
        wanted = f"({rows}, {'features' if outputs is None else outputs})"
        raise ValueError(f"the answer's shape is {array.shape}, not {wanted}")
    return array
