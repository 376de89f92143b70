"""Made the archives beside it, which no reader of today makes: one for each version, and what Keras
itself said of the rows. `python make.py` with that version of Keras.

These were made by the code of Keras 2.13.1 and 2.14.0 on a later TensorFlow, with what that lacks
put in its place, and their version written in by hand; what lays weights out was left as it is.
"""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

HERE = Path(__file__).parent


def network() -> Any:
    """With layers in layers, and several of one class."""
    layers = keras.layers
    steps = keras.Input((5, 2))
    seen = layers.TimeDistributed(layers.Dense(3))(steps)
    seen = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(seen)
    seen = layers.MultiHeadAttention(2, 2)(seen, seen)
    inner = [layers.Dense(4, activation="relu"), layers.Dense(4), layers.LayerNormalization()]
    seen = keras.Sequential(inner)(seen)
    seen = layers.RNN([layers.LSTMCell(3), layers.LSTMCell(3)])(seen)
    seen = layers.BatchNormalization()(layers.Dense(4)(seen))
    return keras.Model(steps, layers.Dense(3, activation="softmax")(seen))


def main() -> None:
    version = keras.__version__
    random = np.random.default_rng(0)
    model = network()
    model.set_weights(
        [random.uniform(-1 if one.ndim > 1 else 0.1, 1, one.shape) for one in model.get_weights()]
    )
    rows = random.normal(size=(8, 5, 2)).astype(np.float32)
    model.save(HERE / f"{version}.keras")
    told = {"rows": rows.tolist(), "answers": np.asarray(model(rows)).tolist()}
    (HERE / f"answers-{version}.json").write_text(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
