"""Models that answer a number instead of classes: (n, 1) in every format.

They run in their own libraries; only ONNX files run compiled. `formats.load` comes here for a
version whose task is regression.
"""

from pathlib import Path
from typing import Any

import numpy as np

from transit_server.formats.base import Engine, ModelShape, Rows, Score, Scores, UnsupportedModel


def load(path: Path, shape: ModelShape) -> Engine:
    """Raises `UnsupportedModel`, and whatever deserialising raises."""
    score, engine = _OPEN[path.suffix](path, shape)
    answer = score(shape.probes[:1])
    if answer.shape != (1, 1):
        raise UnsupportedModel(f"a regression answers one number a row, this {answer.shape[1:]}")
    return Engine(score, engine)


def _onnx(path: Path, _: ModelShape) -> tuple[Score, str]:
    from transit_server.formats import onnx

    return _column(onnx.session(path.read_bytes(), 1, raw=True)), "onnxruntime"


def _sklearn(path: Path, _: ModelShape) -> tuple[Score, str]:
    import joblib

    model = joblib.load(path)
    if not hasattr(model, "predict"):
        raise UnsupportedModel(f"a {type(model).__name__} has no predict")
    if hasattr(model, "n_jobs"):
        model.n_jobs = 1  # starting threads for a few rows costs more than it brings
    return _column(model.predict), "scikit-learn"


def _xgboost(path: Path, shape: ModelShape) -> tuple[Score, str]:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(path)
    features, got = booster.num_features(), shape.probes.shape[1]
    if features != got:
        raise UnsupportedModel(f"it takes {features} features, and gets {got}")
    booster.set_param({"nthread": 1})
    return _column(booster.inplace_predict), "xgboost"


def _keras(path: Path, _: ModelShape) -> tuple[Score, str]:
    import tensorflow

    model = tensorflow.keras.models.load_model(path, compile=False)
    inner = tuple(-1 if length is None else length for length in model.input_shape[1:])

    def predict(rows: Rows) -> Scores:
        return np.asarray(model.predict_on_batch(rows.reshape(len(rows), *inner)))

    return _column(predict), "tensorflow"


_OPEN = {
    ".onnx": _onnx,
    ".pkl": _sklearn,
    ".joblib": _sklearn,
    ".json": _xgboost,
    ".ubj": _xgboost,
    ".keras": _keras,
    ".h5": _keras,
}


def _column(predict: Any) -> Score:
    def score(rows: Rows) -> Scores:
        answer = np.asarray(predict(rows))
        return answer.reshape(len(rows), -1)

    return score
