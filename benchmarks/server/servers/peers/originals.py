"""The models as their authors' libraries run them; every peer serves one of these.

`transit_models` has to be on the path: the example models' preprocessing is of its classes. The
peers' own threads are set by the environment (see `benchmarks.server.servers.contestants`).
"""

import os
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Predict = Callable[[Rows], NDArray[np.floating]]


def load(kind: str, directory: str, guide: bool = False) -> Predict:
    """(n, 784) float32 → (n, classes) probabilities, preprocessing included.

    `kind` is forest, boosted or cnn. `guide` takes the calls that the deployment guide shows
    (DMatrix, `model.predict`); otherwise each library's fast call for small batches. Keras's is
    `predict_on_batch`, a graph traced once; `predict` sets up a data pipeline for every call.
    """
    folder = Path(directory)
    transform = joblib.load(folder / "preprocessing.pkl").transform
    score = {"forest": _forest, "boosted": _boosted, "cnn": _cnn}[kind](folder, guide)
    return lambda rows: score(transform(rows))


def from_environment(guide: bool = False) -> Predict:
    """The model that `BENCH_KIND` and `BENCH_MODEL` name."""
    return load(os.environ["BENCH_KIND"], os.environ["BENCH_MODEL"], guide)


def _forest(folder: Path, guide: bool) -> Predict:
    model = joblib.load(folder / "model.pkl")
    return lambda rows: model.predict_proba(rows)


def _boosted(folder: Path, guide: bool) -> Predict:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(folder / "model.json")
    if guide:
        return lambda rows: booster.predict(xgboost.DMatrix(rows))
    return lambda rows: booster.inplace_predict(rows)


def _cnn(folder: Path, guide: bool) -> Predict:
    import tensorflow

    model = tensorflow.keras.models.load_model(folder / "model.keras", compile=False)
    if guide:
        return lambda rows: model.predict(rows.reshape(-1, 784, 1), verbose=0)
    return lambda rows: model.predict_on_batch(rows.reshape(-1, 784, 1))
