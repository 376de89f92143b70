"""Keras networks as ONNX. Both compute with the same 32-bit floats, so made-up rows of several
sizes show whether the two are one.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from transit_models.packing.twin import keras_to_onnx
from transit_server.formats.agreeing.inputs import fitted
from transit_server.formats.base import Engine, NotCompiled, Rows, Source
from transit_server.formats.compile.converted import Converted

_COUNT = 16


def convert(engine: Engine, source: Source) -> Converted:
    """Raises `NotCompiled`, or whatever the converter raises."""
    model = engine.native
    if len(model.inputs) != 1 or engine.says.gives == "tensors":
        raise NotCompiled("it has several inputs or outputs")
    assert source.row is not None
    rows = _rows(source.row.size, np.dtype(engine.says.dtype), model)
    inner = fitted(tuple(model.inputs[0].shape[1:]), source.row)
    return Converted(keras_to_onnx(model, inner), rows, exact=True)


def _rows(features: int, dtype: np.dtype[Any], model: Any) -> Rows:
    """Of the range that the model has words for: its tokens, what its scaler has seen; else of
    several sizes.
    """
    random = np.random.default_rng(0)
    shape = (_COUNT, features)
    parts = list(_layers(model))
    vocabulary = min((int(one.input_dim) for one in _of(parts, "Embedding")), default=None)
    if vocabulary is not None or dtype.kind in "iub":
        below = vocabulary or (256 if dtype == np.uint8 else 2)
        whole: Rows = random.integers(0, below, shape).astype(dtype)
        return whole
    sizes = np.repeat([0.1, 1.0, 3.0, 100.0], _COUNT // 4)[:, None]
    rows = random.normal(size=shape) * sizes
    for scaler in _of(parts, "Normalization"):
        mean, deviation = (np.ravel(part) for part in (scaler.mean, np.sqrt(scaler.variance)))
        if features % len(mean) == 0:  # of the last axis, so the same for each pixel
            again = features // len(mean)
            rows = np.tile(mean, again) + rows * np.tile(deviation, again)
            break
    made: Rows = rows.astype(dtype)
    return made


def _layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _layers(layer)


def _of(layers: list[Any], kind: str) -> list[Any]:
    return [layer for layer in layers if type(layer).__name__ == kind]
