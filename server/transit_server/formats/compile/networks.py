"""Keras networks as ONNX. Both compute with the same 32-bit floats, so made-up rows of several
sizes show whether the two are one.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from transit_models.packing.twin import keras_to_onnx
from transit_server.formats.base import Engine, NotCompiled, Rows, Source
from transit_server.formats.compile.converted import Converted
from transit_server.formats.inputs import fitted

_COUNT = 16


def convert(engine: Engine, source: Source) -> Converted:
    """Raises `NotCompiled`, or whatever the converter raises."""
    model = engine.native
    if len(model.inputs) != 1 or engine.says.gives == "tensors":
        raise NotCompiled("it has several inputs or outputs")
    assert source.row is not None
    rows = _rows(source.row.size, np.dtype(engine.says.dtype), _vocabulary(model))
    inner = fitted(tuple(model.inputs[0].shape[1:]), source.row)
    return Converted(keras_to_onnx(model, inner), rows, exact=True)


def _rows(features: int, dtype: np.dtype[Any], vocabulary: int | None) -> Rows:
    random = np.random.default_rng(0)
    rows: Rows
    if vocabulary is not None:
        rows = random.integers(0, vocabulary, (_COUNT, features)).astype(dtype)
    elif dtype == np.uint8:
        rows = random.integers(0, 256, (_COUNT, features)).astype(dtype)
    elif dtype.kind in "iub":
        rows = random.integers(0, 2, (_COUNT, features)).astype(dtype)
    else:
        sizes = np.repeat([0.1, 1.0, 3.0, 100.0], _COUNT // 4)[:, None]
        rows = (random.normal(size=(_COUNT, features)) * sizes).astype(dtype)
    return rows


def _vocabulary(model: Any) -> int | None:
    """How many tokens the model knows, None where its input is no tokens; the least, where it looks
    into several tables.
    """
    return min(_tables(model), default=None)


def _tables(layer: Any) -> Iterator[int]:
    for inner in getattr(layer, "layers", ()):
        yield from _tables(inner)
    if type(layer).__name__ == "Embedding":
        yield int(layer.input_dim)
