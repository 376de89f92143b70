"""Keras models: `.keras` and `.h5`, known by their first bytes. Importing this module imports
TensorFlow: seconds, 450 MB.

They are compiled to ONNX where that is right, in a process of its own, so that the server's has no
TensorFlow; what can't be compiled is served as a traced function. Files of Keras 2 are read by
`tf_keras`, and only to be compiled. Neighbours: `networks` opens files and says what comes out,
`compile.networks`.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

# Before the import, or it is too late.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# ONNX Runtime is in the same process, and other pods may be on the same GPU: not all of its memory.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import numpy as np
import tensorflow

from transit_models.schema import TEXT, Input
from transit_server.formats.agreeing.inputs import fitted
from transit_server.formats.base import (
    Engine,
    Says,
    Source,
    UnsupportedModel,
    cast,
    largest_difference,
)
from transit_server.formats.device import Device, driver, said
from transit_server.formats.networks.answering import Answering, answering
from transit_server.formats.networks.opening import described, opened
from transit_server.runtime.cpus import available_cpus

_TOLERANCE = 1e-4
_set_tensor_float_32 = tensorflow.config.experimental.enable_tensor_float_32_execution

_set_tensor_float_32(False)  # for the process, until all of its models are proven


def load(source: Source) -> Engine:
    """The model as one traced function, which is some fifty times faster than `predict`."""
    _limit_threads()
    file = described(source.path)
    model = opened(file)
    if not getattr(model, "inputs", None):
        raise UnsupportedModel(
            "it does not say what it takes, as subclassed models and those that never saw data "
            f"don't: {file.way_out}"
        )
    taken, given = _taking(model, source)
    answers = answering(model, source)
    says = Says(
        gives=answers.gives,
        outputs=answers.widths,
        notes=answers.notes,
        written_by={"keras": file.written_by} if file.written_by else {},
        **taken,
    )

    def original(rows: Any) -> Any:
        return answers.plain(model.predict_on_batch(given(rows)))

    device = device_here()
    engine = Engine(
        original,
        "tensorflow",
        says,
        model,
        only_compiled=file.keras2,
        device=device,
        relax=None if device.kind == "cpu" else lambda: _set_tensor_float_32(True),
    )
    if file.keras2:
        return engine
    probes = source.probes_in(np.dtype(says.dtype)) if says.takes == "matrix" else None
    return _traced(model, engine, given, answers, probes)


def _taking(model: Any, source: Source) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """What it takes, as `Says` has it, and from that to what the model is called with."""
    inputs = list(model.inputs)
    only = inputs[0] if len(inputs) == 1 else None
    if only is None:
        fields = tuple(Input(_name(item), _dtype(item), _row_shape(item)) for item in inputs)
        return {"takes": "tensors", "fields": fields}, lambda rows: _tensors(rows, model)
    if _dtype(only) == TEXT:
        return (
            {"takes": "texts", "fields": (Input("text", TEXT),), "features": 1},
            lambda rows: _tensor(np.array(rows, dtype=object), only),
        )
    inner = fitted(tuple(only.shape[1:]), source.row)
    dtype = np.dtype(_dtype(only))

    def matrix(rows: Any) -> Any:
        return cast(rows, dtype).reshape(len(rows), *inner)

    return {"features": prod(inner), "dtype": dtype.name}, matrix


def _tensors(rows: Any, model: Any) -> Any:
    """A list in the order of the inputs, or by name, as the model was built."""
    by_name = getattr(model, "input", None)
    if isinstance(by_name, dict):
        return {key: _tensor(rows[_name(item)], item) for key, item in by_name.items()}
    return [_tensor(rows[_name(item)], item) for item in model.inputs]


def _tensor(values: Any, item: Any) -> Any:
    """The values of one input; texts are none to Keras before they are TensorFlow's."""
    if values.ndim != len(item.shape):
        values = values.reshape(len(values), *(length or -1 for length in item.shape[1:]))
    return tensorflow.constant(values, tensorflow.string) if _dtype(item) == TEXT else values


def _name(tensor: Any) -> str:
    return str(tensor.name).partition(":")[0]


def _dtype(tensor: Any) -> str:
    dtype = getattr(tensor.dtype, "name", tensor.dtype)
    return TEXT if dtype == "string" else str(dtype)


def _row_shape(tensor: Any) -> tuple[int | None, ...]:
    inner = tuple(tensor.shape[1:])
    return () if inner == (1,) else inner


def _traced(
    model: Any, engine: Engine, given: Callable[[Any], Any], answers: Answering, probes: Any
) -> Engine:
    if probes is None:
        return engine

    def forward(rows: tensorflow.Tensor) -> Any:
        return model(rows, training=False)

    own = model.inputs[0]
    signature = [tensorflow.TensorSpec((None, *own.shape[1:]), _dtype(own))]
    traced = tensorflow.function(forward, input_signature=signature, autograph=False)
    call = traced.get_concrete_function()

    def run(rows: Any) -> Any:
        return answers.plain(call(tensorflow.constant(given(rows))))

    difference = _difference(engine.run(probes), run(probes))
    if difference > _TOLERANCE:
        note = f"the traced function differs by {difference:.1e}, so the original model is used"
        return replace(engine, note=note)
    return replace(engine, run=run, note=f"traced, largest difference {difference:.1e}")


def _difference(left: Any, right: Any) -> float:
    if isinstance(left, tuple):
        return max(largest_difference(a, b) for a, b in zip(left, right, strict=True))
    return largest_difference(left, right)


def device_here() -> Device:
    """Where TensorFlow computes, by what it has found."""
    built = tensorflow.test.is_built_with_cuda()
    uses = bool(tensorflow.config.list_physical_devices("GPU"))
    return said("TensorFlow", built=built, uses=uses, driver=driver())


def _limit_threads() -> None:
    """As many threads as the pod has processors; it takes effect before the first model only."""
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(available_cpus())
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return
