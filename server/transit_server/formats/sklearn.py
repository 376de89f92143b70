"""Scikit-learn models: `.pkl` and `.joblib`, compiled to ONNX where that is right and faster.

Forests are taken apart by hand, everything else goes through skl2onnx. Unpickling runs code: it
happens only after the store's integrity check, see `serving.loading`.
"""

from pathlib import Path
from typing import Any

import joblib
import numpy as np

from transit_server.formats import trees
from transit_server.formats.base import (
    Compiled,
    Engine,
    ModelShape,
    NotCompiled,
    Rows,
    Score,
    Scores,
    UnsupportedModel,
)
from transit_server.formats.checked import checked

_OPSET = 17
_FORESTS = {"RandomForestClassifier", "ExtraTreesClassifier"}


def load(path: Path, shape: ModelShape) -> Engine:
    """The original, as it was pickled."""
    return Engine(_original(joblib.load(path), shape.labels), "scikit-learn")


def compile(path: Path, shape: ModelShape) -> Compiled:
    """The model as ONNX. Raises `NotCompiled` or `UnsupportedModel`."""
    model = joblib.load(path)
    original = _original(model, shape.labels)
    try:
        onnx = _forest(model, shape) if _is_forest(model) else _general(model, shape)
    except UnsupportedModel:
        raise
    except Exception as error:  # whatever the compiler doesn't know
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NotCompiled(lines[0][:200]) from error
    return checked(onnx, original, shape)


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
    """The model's columns in the order of the labels: its classes are their numbers, or they."""
    if len(classes) != len(labels):
        raise UnsupportedModel(f"it knows {len(classes)} classes, its metadata {len(labels)}")
    texts = [str(item) for item in classes]
    if sorted(texts) == sorted(labels):
        return [texts.index(label) for label in labels]
    return list(range(len(classes)))


def _is_forest(model: Any) -> bool:
    return type(model).__name__ in _FORESTS and type(model).__module__.startswith("sklearn.")


def _forest(model: Any, shape: ModelShape) -> bytes:
    """A forest's probabilities are the mean of its trees' leaves."""
    order = _column_order(list(model.classes_), shape.labels)
    taken = []
    for estimator in model.estimators_:
        tree = estimator.tree_
        shares = tree.value[:, 0, :][:, order]
        shares = shares / shares.sum(axis=1, keepdims=True) / len(model.estimators_)
        taken.append(
            trees.Tree(
                left=tree.children_left,
                right=tree.children_right,
                feature=tree.feature,
                threshold=trees.round_down(tree.threshold),
                missing_left=np.asarray(tree.missing_go_to_left, dtype=np.bool_),
                weights=shares.astype(np.float32),
                targets=tuple(range(len(order))),
            )
        )
    return trees.to_onnx(
        taken, features=model.n_features_in_, targets=len(order), compare="BRANCH_LEQ"
    )


def _general(model: Any, shape: ModelShape) -> bytes:
    import skl2onnx

    classes = list(model.classes_)
    if _column_order(classes, shape.labels) != list(range(len(classes))):
        raise NotCompiled("its classes are not in the order of the labels")
    proto = skl2onnx.to_onnx(
        model, shape.probes[:1], options={"zipmap": False}, target_opset=_OPSET
    )
    return bytes(proto.SerializeToString())
