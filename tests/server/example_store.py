"""A store of small trained models, good and bad, for the tests of the server.

Everything is trained in seconds with fixed seeds, in the layout of the guide, and published through
the checksums of `transit_models`, as a user's models would be. The answers of the original
libraries are the truth to compare with.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from transit_models.integrity import sha256_of, write_checksums

FEATURES = 784
LABELS = ("CONFIRMED", "CANDIDATE", "FALSE_POSITIVE")
_FRAMEWORKS = {
    ".pkl": "scikit-learn",
    ".joblib": "scikit-learn",
    ".json": "xgboost",
    ".ubj": "xgboost",
    ".keras": "tensorflow",
    ".h5": "tensorflow",
    ".onnx": "onnx",
    ".sav": "scikit-learn",
    ".pickle": "scikit-learn",
    ".skops": "scikit-learn",
    ".bst": "xgboost",
    ".txt": "lightgbm",
    ".cbm": "catboost",
}


@dataclass(frozen=True)
class Data:
    """Rows and classes of three kinds that a model can tell apart."""

    rows: NDArray[np.float32]
    classes: NDArray[np.int64]


def sample(count: int, seed: int = 0) -> Data:
    random = np.random.default_rng(seed)
    classes = random.integers(0, len(LABELS), count)
    rows = random.normal(1.0, 0.05, (count, FEATURES)).astype(np.float32)
    for kind in range(len(LABELS)):
        rows[classes == kind, kind * 40 : kind * 40 + 40] -= 0.08
    return Data(rows, classes)


def publish(
    root: Path,
    name: str,
    version: str,
    ending: str,
    save: Callable[[Path], object],
    preprocessing: Any = None,
    features: int = FEATURES,
    labels: tuple[str, ...] = LABELS,
    probe: Any = None,
    answers: Any = None,
    **more: Any,
) -> Path:
    """A version's directory, with metadata and checksums; `more` goes into the metadata."""
    directory = root / name / f"v{version}"
    directory.mkdir(parents=True)
    model = directory / f"model{ending}"
    save(model)
    if preprocessing is not None:
        joblib.dump(preprocessing, directory / "preprocessing.pkl")
    if probe is not None:
        np.save(directory / "probe.npy", probe)
    if answers is not None:
        np.save(directory / "answers.npy", answers)
    metadata = {
        "model_name": name,
        "version": version,
        "framework": _FRAMEWORKS[ending],
        "input_schema": {"features": features, "dtype": "float32"},
        "output_schema": {"classes": len(labels), "labels": list(labels)},
        "performance": {"accuracy": 0.9},
        "checksum": {"algorithm": "sha256", "value": sha256_of(model)},
        **more,
    }
    (directory / "metadata.json").write_text(json.dumps(metadata))
    write_checksums(directory)
    return directory


def forest(trees: int, seed: int = 0) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    data = sample(600, seed)
    return RandomForestClassifier(trees, random_state=seed, n_jobs=2).fit(data.rows, data.classes)


def boosted(rounds: int) -> Any:
    import xgboost

    data = sample(600)
    return xgboost.train(
        {"objective": "multi:softprob", "num_class": 3, "max_depth": 4, "seed": 0},
        xgboost.DMatrix(data.rows, label=data.classes),
        rounds,
    )


def network(epochs: int = 1) -> Any:
    from tensorflow import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((FEATURES, 1)),
            keras.layers.Conv1D(16, 7, strides=2, activation="relu"),
            keras.layers.MaxPooling1D(4),
            keras.layers.Conv1D(32, 5, activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    data = sample(300)
    model.fit(data.rows[..., None], data.classes, epochs=epochs, verbose=0)
    return model


def to_onnx(model: Any) -> bytes:
    """A scikit-learn model as ONNX, which starts faster than its pickle."""
    import skl2onnx

    row = np.zeros((1, FEATURES), dtype=np.float32)
    proto = skl2onnx.to_onnx(model, row, options={"zipmap": False}, target_opset=17)
    return bytes(proto.SerializeToString())
