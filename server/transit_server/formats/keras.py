"""Keras models: `.keras` and `.h5`. Importing this module imports TensorFlow, which takes seconds."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow  # noqa: E402

from transit_server.formats.base import (  # noqa: E402
    Engine,
    ModelShape,
    Rows,
    Scores,
    UnsupportedModel,
    as_class_scores,
    largest_difference,
)

_TOLERANCE = 1e-4


def load(path: Path, shape: ModelShape) -> Engine:
    model = tensorflow.keras.models.load_model(path, compile=False)
    inner = tuple(model.input_shape[1:])
    if any(size is None for size in inner):
        inner = (*(1 for _ in inner[:-1]), -1) if len(inner) > 1 else (-1,)
    width = shape.probes.shape[1]
    size = 1
    for length in model.input_shape[1:]:
        size *= length or 1
    if None not in model.input_shape[1:] and size != width:
        raise UnsupportedModel(f"it takes {size} features, and gets {width}")
    fixed = tuple(model.input_shape[1:])

    @tensorflow.function(
        input_signature=[tensorflow.TensorSpec((None, *fixed), tensorflow.float32)],
        autograph=False,
    )
    def traced(rows: tensorflow.Tensor) -> tensorflow.Tensor:
        return model(rows, training=False)

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
