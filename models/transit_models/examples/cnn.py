"""Recipes for the small convolutional network. Neighbours: `training` runs them; only here is
TensorFlow imported, and only when one is trained (some 10 s and 450 MB).
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from transit_models.examples.curves import FEATURES, LABELS
from transit_models.examples.datasets import held_out_set, training_set
from transit_models.examples.recipe import Recipe, Trained, score
from transit_models.examples.steps import FluxScaler

_EPOCHS = 10
_BATCH = 32


def _train(directory: Path, rows: int, seed: int) -> Trained:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(seed)
    curves, labels = training_set(rows, seed)
    test_curves, test_labels = held_out_set()
    scaler = FluxScaler().fit(curves)
    model = _network(keras)
    model.fit(
        scaler.transform(curves)[..., np.newaxis],
        labels,
        epochs=_EPOCHS,
        batch_size=_BATCH,
        verbose=0,
    )
    model.save(directory / "model.keras")
    joblib.dump(scaler, directory / "preprocessing.pkl")
    answers = model.predict(scaler.transform(test_curves)[..., np.newaxis], verbose=0)
    return Trained(
        framework="tensorflow",
        packages=("tensorflow-cpu|tensorflow", "keras", "numpy", "joblib"),
        scores=score(np.asarray(answers), test_labels),
        probe=test_curves[:8],
        training={
            "training_samples": rows,
            "validation_samples": len(test_labels),
            "epochs": _EPOCHS,
            "batch_size": _BATCH,
        },
        shape=(1, FEATURES, 1),
    )


def _network(keras: Any) -> Any:
    """(batch, 784, 1) → the probabilities of the three classes; 32,435 weights."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((FEATURES, 1)),
            layers.Conv1D(8, 15, strides=3, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(16, 7, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(32, 5, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(32, activation="relu"),
            layers.Dense(len(LABELS), activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    return model


RECIPES: dict[str, Recipe] = {
    "1.0.0": partial(_train, rows=3000, seed=1),
    "1.1.0": partial(_train, rows=4000, seed=2),
}
