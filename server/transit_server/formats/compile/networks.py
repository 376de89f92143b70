"""Keras networks as ONNX. Both compute with the same 32-bit floats, so made-up rows of several
sizes show whether the two are one.
"""

from typing import Any

import numpy as np

from transit_models.packing.twin import keras_to_onnx
from transit_server.formats.base import Engine, NotCompiled, Rows, Source
from transit_server.formats.compile.converted import Converted


def convert(engine: Engine, source: Source) -> Converted:
    """Raises `NotCompiled`, or whatever the converter raises."""
    model = engine.native
    if len(model.inputs) != 1 or engine.says.gives == "tensors":
        raise NotCompiled("it has several inputs or outputs")
    assert source.row is not None
    rows = _rows(source.row.size, np.dtype(engine.says.dtype))
    inner = tuple(model.inputs[0].shape[1:])
    if None in inner:
        raise NotCompiled("its input has open axes")
    if engine.only_compiled:
        onnx = _by_function(model)
    else:
        onnx = keras_to_onnx(model, rows.reshape(len(rows), *inner))
    return Converted(onnx, rows, exact=True)


def _rows(features: int, dtype: np.dtype[Any]) -> Rows:
    random = np.random.default_rng(0)
    if dtype.kind in "iub":
        return random.integers(0, 2, (16, features)).astype(dtype)
    sizes = np.repeat([0.1, 1.0, 3.0, 100.0], 4)[:, None]
    rows: Rows = (random.normal(size=(16, features)) * sizes).astype(dtype)
    return rows


def _by_function(model: Any) -> bytes:
    """For models of Keras 2, which can't export themselves."""
    import tensorflow
    import tf2onnx

    own = model.inputs[0]
    signature = [tensorflow.TensorSpec((None, *own.shape[1:]), own.dtype, name="rows")]

    @tensorflow.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def forward(rows: Any) -> Any:
        return model(rows, training=False)

    proto, _ = tf2onnx.convert.from_function(forward, input_signature=signature, opset=17)
    return bytes(proto.SerializeToString())
