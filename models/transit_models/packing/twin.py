"""ONNX twins of Keras models: the same model for a runtime that needs no TensorFlow.

A twin is `model.onnx` beside `model.keras`, with `twin.npz`: rows as the model gets them
(`rows`, float32, (n, features), preprocessed), and what the original says to them (`scores`,
(n, classes)). Whoever serves the twin holds it against those scores first.

Neighbours: `pack --twin` and the examples' training write one; the server's `formats` converts
Keras models that have none by `keras_to_onnx`. Unlike `pack`, this module loads the model and the
preprocessing, which runs the code of a pickle: only for files that are the publisher's own.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.errors import InvalidMetadata
from transit_models.integrity import PREPROCESSING, PROBE
from transit_models.metadata import find_model_file

TWIN = "model.onnx"
TWIN_SCORES = "twin.npz"
TOLERANCE = 1e-4
_ROWS = 16
_OPSET = 17

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when ONNX Runtime is imported


@dataclass(frozen=True, slots=True)
class TwinScores:
    """What the original said to some rows: (n, features) and (n, classes)."""

    rows: NDArray[np.float32]
    scores: NDArray[np.floating]


def can_convert() -> bool:
    """Whether the converter (tf2onnx) is installed; it is not where models are only served."""
    return find_spec("tf2onnx") is not None


def keras_to_onnx(model: Any, row: Sequence[int]) -> bytes:
    """`model`, of one input, as ONNX for any number of rows of the shape `row`.

    Not by `model.export`: that leaves layers which only matter in training (`RandomFlip`) in, and
    constants (those of `Normalization`) become inputs that nobody can feed. Raises whatever the
    converter raises for layers that ONNX has no word for.
    """
    import tensorflow
    import tf2onnx
    from onnx import numpy_helper

    signature = [tensorflow.TensorSpec((None, *row), model.inputs[0].dtype, name="rows")]

    @tensorflow.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def forward(rows: Any) -> Any:
        return model(rows, training=False)

    traced = forward.get_concrete_function()
    proto, _ = tf2onnx.convert.from_function(forward, input_signature=signature, opset=_OPSET)
    captured = {inside.name: outside for outside, inside in traced.graph.captures}
    for feed in list(proto.graph.input):
        if feed.name in captured:
            value = numpy_helper.from_array(captured[feed.name].numpy(), feed.name)
            proto.graph.initializer.append(value)
            proto.graph.input.remove(feed)
    return bytes(proto.SerializeToString())


def write_twin(directory: Path) -> float:
    """Write the twin of the Keras model in `directory`, before it is sealed.

    The rows are those of `probe.npy`, which must be there. Returns the largest difference of the
    twin's probabilities. Raises `InvalidMetadata` when there is nothing to convert, or when the
    twin differs by more than `TOLERANCE`; then nothing is written.
    """
    path = find_model_file(directory, "tensorflow")
    if path.name == TWIN:
        raise InvalidMetadata(f"{path} is ONNX itself and needs no twin")
    if not can_convert():
        raise InvalidMetadata("a twin needs the package tf2onnx: pip install tf2onnx")
    rows = _rows(directory)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import onnxruntime

    model = keras.models.load_model(path, compile=False)
    shaped = rows.reshape(len(rows), *(size or -1 for size in model.input_shape[1:]))
    scores = np.asarray(model.predict_on_batch(shaped))
    onnx = keras_to_onnx(model, shaped.shape[1:])
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    (said,) = session.run(None, {session.get_inputs()[0].name: shaped})
    difference = float(np.max(np.abs(said - scores)))
    if not difference <= TOLERANCE:
        raise InvalidMetadata(
            f"the ONNX twin of {path} differs from it by {difference:.1e}: publish it without"
        )
    (directory / TWIN).write_bytes(onnx)
    np.savez(directory / TWIN_SCORES, rows=rows, scores=scores.reshape(len(rows), -1))
    return difference


def read_twin_scores(directory: Path) -> TwinScores:
    """What the twin in `directory` is to be held against. Raises `InvalidMetadata`."""
    path = directory / TWIN_SCORES
    try:
        with np.load(path, allow_pickle=False) as file:
            rows, scores = file["rows"], file["scores"]
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise InvalidMetadata(f"{path} cannot be read: {error}") from error
    if rows.ndim != 2 or scores.ndim != 2 or len(rows) != len(scores) or not len(rows):
        raise InvalidMetadata(f"{path} must hold rows (n, features) and scores (n, classes)")
    return TwinScores(rows.astype(np.float32), scores)


def _rows(directory: Path) -> NDArray[np.float32]:
    """The probes of the version, preprocessed as the server will do it."""
    if not (directory / PROBE).is_file():
        raise InvalidMetadata("a twin needs probe rows (--probe): it is compared on them")
    rows = np.load(directory / PROBE, allow_pickle=False)
    rows = np.resize(rows.astype(np.float32), (_ROWS, *rows.shape[1:]))
    if (directory / PREPROCESSING).is_file():
        import joblib

        rows = joblib.load(directory / PREPROCESSING).transform(rows)
    return np.asarray(rows, dtype=np.float32)
