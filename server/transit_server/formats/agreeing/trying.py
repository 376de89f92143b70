"""A model is asked a few rows before it is believed: what it answers must depend on the row alone.

Exported in training mode, a network drops other units at each call, or normalises by whoever else
is in the batch; without its last activation, its answers are between 0 and 1 for some rows only.
Each of them answers, and nothing that is measured later would tell. Neighbours: `whole` calls it;
`serving.starting.checking` decides about batches.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_server.formats.agreeing.outputs import SLACK
from transit_server.formats.base import Rows, Scores, UnsupportedModel, largest_difference

_ROWS = 4
_SAME = 1e-4
_SIZES = (-30.0, -3.0, 3.0, 30.0)
_IN_TRAINING = (
    "as models do that were exported in training mode: export it for inference (PyTorch: "
    "model.eval() before it; Keras: no layer called with training=True)"
)
Ask = Callable[[Rows], Scores]


def check(prepare: Ask | None, predict: Ask, rows: Rows, probabilities: bool) -> None:
    """Raises `UnsupportedModel`. What fails on these rows is told by who asks for real."""
    few = rows[:_ROWS]

    def ask(rows: Rows) -> Scores:
        return predict(rows if prepare is None else prepare(rows))

    together = _asked(ask, few)
    if together is None:
        return
    again = _asked(ask, few)
    if again is None or _differ(together, again):
        raise UnsupportedModel(
            f"asked twice, it answers the same row differently, {_IN_TRAINING}. Random by intent, "
            "it can't be judged: average it in the model"
        )
    alone = [_asked(ask, few[row : row + 1]) for row in range(len(few))]
    known = [said for said in alone if said is not None]
    if len(known) == len(few) and _levelled(together, np.concatenate(known)):
        raise UnsupportedModel(
            f"asked one by one, it answers every row alike, and together otherwise, {_IN_TRAINING}"
        )
    if probabilities:
        _stay_within_bounds(predict, few if prepare is None else prepare(few))


def _asked(ask: Ask, rows: Rows) -> Scores | None:
    try:
        said = np.asarray(ask(rows))
    except UnsupportedModel:  # it answers otherwise than its task is about
        raise
    except Exception:  # of a model that fails on some rows nothing is shown here
        return None
    return said if said.ndim == 2 and np.isfinite(said).all() else None


def _differ(left: Scores, right: Scores) -> bool:
    return largest_difference(left, right) > _SAME * _size(left)


def _size(scores: Scores) -> float:
    """Probabilities are 1 at most; numbers may be large, so theirs is a share of them."""
    return max(1.0, float(np.abs(scores).max()))


def _levelled(together: Scores, alone: Scores) -> bool:
    spread = _SAME * _size(together)
    return bool(
        len(alone) > 1 and np.ptp(alone, axis=0).max() <= spread < np.ptp(together, axis=0).max()
    )


def _stay_within_bounds(predict: Ask, rows: Rows) -> None:
    """Rows as they come to the model: preprocessing is for those that a client may send."""
    if rows.dtype.kind != "f":
        return
    for size in _SIZES:
        larger: NDArray[Any] = (rows * size).astype(rows.dtype)
        said = _asked(predict, larger)
        if said is not None and (said.min() < -SLACK or said.max() > 1 + SLACK):
            raise UnsupportedModel(
                f"its answers are no probabilities: for rows {size:g} times its probes they go "
                f"from {said.min():.3g} to {said.max():.3g}, as of a model without softmax or "
                "sigmoid at its end. End it with that, or pack it with --task tensors"
            )
