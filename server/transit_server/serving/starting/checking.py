"""What a model has to show before it is ready: that it answers, and alone as in a batch.

`loading` calls it last; the same calls warm the model up, so that the first client waits no longer
than others.
"""

import logging
import time
from dataclasses import dataclass

import numpy as np

from transit_models.counting import counted
from transit_server.formats.agreeing.outputs import NO_PROBABILITIES
from transit_server.formats.base import Rows, UnsupportedModel, largest_difference
from transit_server.serving.one_model.predictor import BatchResult, Predictor

log = logging.getLogger(__name__)

_SAME = 1e-4
_SLACK = 1e-3
_WARM_UP = 2.0
_MADE_UP = (
    ". These probes are made up, and may hold what it does not know (a category, a text): pack it "
    "with rows that it does, --probe rows.npy"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """How many rows it may get at once, and what there is to say about it."""

    max_rows: int
    note: str


def check(
    name: str, predict: Predictor, probes: Rows, max_rows: int, *, made_up: bool = False
) -> Checked:
    """Raises `UnsupportedModel` when no probe is answered; probabilities that are none are no
    answer. `made_up`: the version brings no probes, so these may be of no meaning to it.
    """
    notes: list[str] = []
    together = predict(probes)
    if len(together.errors) == len(probes):
        first = together.errors[0].full
        asked = _MADE_UP if made_up and NO_PROBABILITIES not in first else ""
        raise UnsupportedModel(f"it fails on every probe: {first}{_way_out(first)}{asked}")
    if together.errors:
        # A model that fails on some inputs is served: whether too often, the analysis judges.
        first = next(iter(together.errors.values())).full
        if NO_PROBABILITIES in first:
            raise UnsupportedModel(f"on a probe, {first}{_way_out(first)}")
        notes.append(f"fails on {len(together.errors)} of {counted(len(probes), 'probe')}: {first}")
    good = [row for row in range(len(probes)) if row not in together.errors]
    if not _same_alone(predict, probes, together, good[:4]):
        notes.append("a row's answer depends on its batch, so rows are not batched")
        max_rows = 1
    for note in notes:
        log.warning("model %s %s", name, note)
    warm_up(predict, probes, max_rows)
    return Checked(max_rows, "; ".join(notes))


def _way_out(error: str) -> str:
    if NO_PROBABILITIES not in error:
        return ""
    return (
        ". Of one class each they would be 0 to 1 and sum up to 1: end the model with softmax; "
        "where each output is a yes or no of its own (multi-label), pack it with --task tensors"
    )


def warm_up(predict: Predictor, probes: Rows, max_rows: int) -> None:
    """Batches of every power of two, as long as that doesn't take too long."""
    end = time.monotonic() + _WARM_UP
    size = 1
    while size < max_rows and time.monotonic() < end:
        predict(np.resize(probes, (size, *probes.shape[1:])))
        size *= 2
    if time.monotonic() < end:
        predict(np.resize(probes, (max_rows, *probes.shape[1:])))


def _same_alone(predict: Predictor, probes: Rows, together: BatchResult, rows: list[int]) -> bool:
    for row in rows:
        alone = predict(probes[row : row + 1])
        difference = largest_difference(alone.scores, together.scores[row : row + 1])
        # Probabilities are 1 at most; numbers may be large, so theirs is a share of them.
        size = max(1.0, float(np.abs(together.scores[row]).max()))
        if not alone.errors and difference > _SAME * size:
            return False
    return True
