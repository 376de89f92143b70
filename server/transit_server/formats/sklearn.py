"""Scikit-learn models: `.pkl` and `.joblib`, compiled to ONNX where that is right and faster.

Unpickling runs code: it happens only after the store's integrity check, see `serving.loading`.
"""

import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from transit_server.formats import onnx
from transit_server.formats.base import (
    Engine,
    ModelShape,
    Rows,
    Score,
    Scores,
    UnsupportedModel,
    largest_difference,
)

_TOLERANCE = 1e-5
_OPSET = 17


def load(path: Path, shape: ModelShape) -> Engine:
    model = joblib.load(path)
    original = _original(model, shape.labels)
    try:
        compiled = _compile(model, shape)
    except Exception as error:  # any model that the compiler doesn't know is served as it is
        return Engine(original, "scikit-learn", f"not compiled: {_first_line(error)}")
    difference = largest_difference(original(shape.probes), compiled(shape.probes))
    if difference > _TOLERANCE:
        note = f"the compiled model differs by {difference:.1e}, so the original is used"
        return Engine(original, "scikit-learn", note)
    if _seconds(compiled, shape.probes) > _seconds(original, shape.probes):
        return Engine(original, "scikit-learn", "the compiled model is not faster")
    return Engine(compiled, "onnxruntime", f"compiled, largest difference {difference:.1e}")


def _original(model: Any, labels: tuple[str, ...]) -> Score:
    if not hasattr(model, "predict_proba"):
        raise UnsupportedModel(f"a {type(model).__name__} has no predict_proba")
    order = _column_order(list(model.classes_), labels)
    if hasattr(model, "n_jobs"):
        model.n_jobs = 1  # starting threads for a few rows costs more than it brings

    def score(rows: Rows) -> Scores:
        return np.asarray(model.predict_proba(rows)[:, order])

    return score


def _column_order(classes: list[Any], labels: tuple[str, ...]) -> list[int]:
    """The model's columns in the order of the labels: its classes are numbers of labels, or the
    labels.
    """
    if len(classes) != len(labels):
        raise UnsupportedModel(f"it knows {len(classes)} classes, its metadata {len(labels)}")
    texts = [str(item) for item in classes]
    if sorted(texts) == sorted(labels):
        return [texts.index(label) for label in labels]
    return list(range(len(classes)))


def _compile(model: Any, shape: ModelShape) -> Score:
    import skl2onnx

    order = _column_order(list(model.classes_), shape.labels)
    proto = skl2onnx.to_onnx(
        model, shape.probes[:1], options={"zipmap": False}, target_opset=_OPSET
    )
    run = onnx.session(proto.SerializeToString(), len(shape.labels))
    if order == list(range(len(order))):
        return run
    return lambda rows: run(rows)[:, order]


def _seconds(score: Score, rows: Rows) -> float:
    """The best of a few runs on one row: what an idle server's client waits for."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        score(rows[:1])
        best = min(best, time.perf_counter() - start)
    return best


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
