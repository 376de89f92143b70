"""From raw rows to probabilities, so that a row which fails takes no other row with it. What is no
probability is no answer either: each is held to 0..1 and a sum of 1, also after the start.

`loading` builds a `Predictor`, `batching` calls it from the model's own thread. Whatever a model
raises is that row's error: nothing is retried until it happens to work, and no answer is made up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_server.formats.agreeing.outputs import NO_PROBABILITIES, SLACK
from transit_server.formats.base import Rows, Scores
from transit_server.serving.one_model.failure import Failure

Stage = Callable[[Any], NDArray[Any]]


@dataclass(slots=True)
class BatchResult:
    """Scores for every row of a batch; the rows in `errors` have none (NaN). `began` and `ended`
    tell when the model worked on them, by `time.monotonic()`.
    """

    scores: Scores
    errors: dict[int, Failure] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0

    def part(self, start: int, stop: int) -> "BatchResult":
        """What belongs to the rows from `start` to `stop`."""
        if not self.errors:
            return BatchResult(self.scores[start:stop], {}, self.began, self.ended)
        errors = {row - start: text for row, text in self.errors.items() if start <= row < stop}
        return BatchResult(self.scores[start:stop], errors, self.began, self.ended)


class Predictor:
    """Preprocessing and model, one after the other, each isolated row by row when it fails."""

    def __init__(
        self,
        preprocess: Stage | None,
        model: Stage,
        outputs: int,
        *,
        probabilities: bool = False,
    ) -> None:
        self._valid = _are_probabilities if probabilities else _are_finite
        self._probabilities = probabilities
        self._preprocess = preprocess
        self._model = model
        self._outputs = outputs

    def __call__(self, rows: Rows) -> BatchResult:
        errors: dict[int, Failure] = {}
        values: NDArray[Any] = rows
        left = list(range(len(rows)))  # the rows that `values` has, by their number
        if self._preprocess is not None:
            values, left = isolated(
                self._preprocess,
                values,
                left,
                lambda row, error: errors.update({row: Failure.of("preprocessing", error)}),
            )
        if left:
            values, left = isolated(
                self._model,
                values,
                left,
                lambda row, error: errors.update({row: Failure.of("the model", error)}),
                self._outputs,
            )
        if not errors and self._valid(values):
            return BatchResult(values)
        scores = np.full((len(rows), self._outputs), np.nan)
        if left:
            scores[left] = values
        for row in np.flatnonzero(~np.isfinite(scores).all(axis=1)).tolist():
            scores[row] = np.nan
            errors.setdefault(row, Failure("the model's answer is not a finite number"))
        if self._probabilities:
            self._refuse_no_probabilities(scores, errors)
        return BatchResult(scores, errors)

    def _refuse_no_probabilities(self, scores: Scores, errors: dict[int, Failure]) -> None:
        for row in range(len(scores)):
            if row not in errors and not _are_probabilities(scores[row : row + 1]):
                low, high, total = scores[row].min(), scores[row].max(), scores[row].sum()
                reach = f"from {low:.3g} to {high:.3g}, with a sum of {total:.4g}"
                errors[row] = Failure(f"the model's {NO_PROBABILITIES}: they go {reach}")
                scores[row] = np.nan


def _are_finite(values: NDArray[Any]) -> bool:
    return bool(np.isfinite(values).all())


def _are_probabilities(values: NDArray[Any]) -> bool:
    """What isn't finite has no sum near 1."""
    if len(values) == 1:  # for one row, NumPy takes five times as long
        row = values[0].tolist()
        if len(row) < 64:
            return bool(abs(sum(row) - 1.0) <= SLACK and min(row) >= -SLACK)
    sums = values.sum(axis=1)
    return bool((np.abs(sums - 1.0) <= SLACK).all() and values.min() >= -SLACK)


def isolated(
    stage: Stage,
    values: NDArray[Any],
    numbers: list[int],
    failed: Callable[[int, BaseException], None],
    outputs: int | None = None,
) -> tuple[NDArray[Any], list[int]]:
    """`stage` on all rows, or if that fails on each alone: the answers, and whose they are.

    `numbers` says which rows `values` holds; `failed` is told the number of each that fails.
    """
    try:
        return _shaped(stage(values), len(values), outputs), numbers
    except BaseException as error:
        if len(values) == 1:
            failed(numbers[0], error)
            return values, []
    answers: list[NDArray[Any]] = []
    answered: list[int] = []
    for index, number in enumerate(numbers):
        try:
            answers.append(_shaped(stage(values[index : index + 1]), 1, outputs))
            answered.append(number)
        except BaseException as error:
            failed(number, error)
    return np.concatenate(answers) if answers else values, answered


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
