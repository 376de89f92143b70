"""Keras models: `.keras` and `.h5`. Importing this module imports TensorFlow: seconds, 450 MB."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before the import, or it is too late

import tensorflow

from transit_server.cpus import available_cpus
from transit_server.formats.base import (
    Engine,
    ModelShape,
    Rows,
    Scores,
    as_class_scores,
    largest_difference,
)

_TOLERANCE = 1e-4


def load(path: Path, shape: ModelShape) -> Engine:
    """The model as one traced function, which is some fifty times faster than `predict`."""
    _limit_threads()
    model = tensorflow.keras.models.load_model(path, compile=False)
    row_shape = tuple(model.input_shape[1:])
    inner = tuple(-1 if length is None else length for length in row_shape)

    def forward(rows: tensorflow.Tensor) -> tensorflow.Tensor:
        return model(rows, training=False)

    signature = [tensorflow.TensorSpec((None, *row_shape), tensorflow.float32)]
    traced = tensorflow.function(forward, input_signature=signature, autograph=False)
    call = traced.get_concrete_function()

    def score(rows: Rows) -> Scores:
        answer = call(tensorflow.constant(rows.reshape(len(rows), *inner)))
        return as_class_scores(answer.numpy())

    def original(rows: Rows) -> Scores:
        return as_class_scores(model.predict_on_batch(rows.reshape(len(rows), *inner)))

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
