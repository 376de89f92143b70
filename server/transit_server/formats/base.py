"""What every format gives: an `Engine` that turns preprocessed rows into scores."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Scores = NDArray[np.floating]
Score = Callable[[Rows], Scores]


class UnsupportedModel(Exception):
    """The file can be read, and this server has no way to serve what is in it."""


class NotCompiled(Exception):
    """The model can't be compiled, or not so that it is equal and faster; the original serves."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model as ONNX, checked against the original; None when the original has to serve."""

    onnx: bytes | None
    note: str


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a loader may rely on: the labels in order, and rows like those that will come
    (preprocessed).
    """

    labels: tuple[str, ...]
    probes: Rows


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded model. `score` takes (n, features) and gives (n, classes); it is called by one
    thread at a time.
    """

    score: Score
    name: str
    note: str = ""


def as_class_scores(scores: Scores) -> Scores:
    """One probability per row, as binary models give it, becomes one per class."""
    if scores.ndim == 1:
        scores = scores.reshape(-1, 1)
    if scores.shape[1] == 1:
        return np.hstack((1.0 - scores, scores))
    return scores


def largest_difference(left: Scores, right: Scores) -> float:
    """How far two answers to the same rows are apart; infinite when they can't be compared."""
    if left.shape != right.shape:
        return float("inf")
    difference = float(np.max(np.abs(left.astype(np.float64) - right.astype(np.float64))))
    return difference if np.isfinite(difference) else float("inf")
