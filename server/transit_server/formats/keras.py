"""Keras models: `.keras` and `.h5`. Importing this module imports TensorFlow: seconds, 450 MB.

They are compiled to ONNX where that is right, in a process of its own, so that the server's has no
TensorFlow; what can't be compiled is served as a traced function.
"""

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before the import, or it is too late

import tensorflow

from transit_models.twin import keras_to_onnx
from transit_server.cpus import available_cpus
from transit_server.formats.base import (
    Compiled,
    Engine,
    ModelShape,
    NotCompiled,
    Rows,
    Score,
    Scores,
    as_class_scores,
    largest_difference,
)
from transit_server.formats.checked import checked

_TOLERANCE = 1e-4


def load(path: Path, shape: ModelShape) -> Engine:
    """The model as one traced function, which is some fifty times faster than `predict`."""
    return _traced(_opened(path), shape)


def compile(path: Path, shape: ModelShape) -> Compiled:
    """The model as ONNX. Raises `NotCompiled` or `UnsupportedModel`."""
    model = _opened(path)
    original = _original(model)
    try:
        onnx = keras_to_onnx(model, _shaped(model, shape.probes[:1]))
    except Exception as error:  # whatever the converter doesn't know
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NotCompiled(lines[0][:200]) from error
    return checked(onnx, original, shape)


def _opened(path: Path) -> Any:
    _limit_threads()
    return tensorflow.keras.models.load_model(path, compile=False)


def _shaped(model: Any, rows: Rows) -> Rows:
    """Rows of numbers in the shape that the model takes them."""
    inner = (-1 if length is None else length for length in model.input_shape[1:])
    return rows.reshape(len(rows), *inner)


def _original(model: Any) -> Score:
    return lambda rows: as_class_scores(model.predict_on_batch(_shaped(model, rows)))


def _traced(model: Any, shape: ModelShape) -> Engine:
    def forward(rows: tensorflow.Tensor) -> tensorflow.Tensor:
        return model(rows, training=False)

    signature = [tensorflow.TensorSpec((None, *model.input_shape[1:]), tensorflow.float32)]
    traced = tensorflow.function(forward, input_signature=signature, autograph=False)
    call = traced.get_concrete_function()

    def score(rows: Rows) -> Scores:
        answer = call(tensorflow.constant(_shaped(model, rows)))
        return as_class_scores(answer.numpy())

    original = _original(model)
    difference = largest_difference(original(shape.probes), score(shape.probes))
    if difference > _TOLERANCE:
        note = f"the traced function differs by {difference:.1e}, so the original model is used"
        return Engine(original, "tensorflow", note)
    return Engine(score, "tensorflow", f"traced, largest difference {difference:.1e}")


def _limit_threads() -> None:
    """As many threads as the pod has processors; it takes effect before the first model only."""
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(available_cpus())
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return
