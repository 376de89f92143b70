"""ONNX models through ONNX Runtime; `session` also serves what `sklearn` compiles."""

import os
from pathlib import Path
from typing import Any

import numpy as np

# Since 1.29 ONNX Runtime tells its maker of every model that is loaded, unless this is set before
# it is imported. A model server inside a company must not.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

from transit_server.formats.base import (
    Engine,
    ModelShape,
    Rows,
    Score,
    Scores,
    UnsupportedModel,
    as_class_scores,
)

_DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}


def load(path: Path, shape: ModelShape) -> Engine:
    return Engine(session(path.read_bytes(), len(shape.labels)), "onnxruntime")


def session(model: bytes, classes: int, *, raw: bool = False) -> Score:
    """A function that runs `model`, whose answers are class scores unless `raw`; one thread,
    because requests are what is parallel here, and no spinning.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    runtime = onnxruntime.InferenceSession(model, options, providers=_providers())
    (feed,) = runtime.get_inputs()
    dtype = _DTYPES.get(feed.type)
    if dtype is None:
        raise UnsupportedModel(f"its input is {feed.type}, not a tensor of floats")
    inner = tuple(feed.shape[1:])
    if not all(isinstance(size, int) for size in inner):
        inner = (-1,)
    output = _scores_output(runtime, classes)
    name = feed.name

    def score(rows: Rows) -> Scores:
        shaped = rows.reshape(len(rows), *inner)
        (answer,) = runtime.run([output], {name: shaped.astype(dtype, copy=False)})
        if isinstance(answer, list):
            answer = np.array([list(row.values()) for row in answer], dtype=np.float32)
        return np.asarray(answer) if raw else as_class_scores(answer)

    return score


def _providers() -> list[str]:
    available = onnxruntime.get_available_providers()
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    return [provider for provider in wanted if provider in available]


def _scores_output(runtime: Any, classes: int) -> str:
    """The output that holds probabilities: maps (ZipMap), or floats; classifiers also give labels,
    which are not it.
    """
    outputs = runtime.get_outputs()
    for output in outputs:
        if output.type.startswith("seq(map("):
            return str(output.name)
    floats = [output for output in outputs if output.type in _DTYPES]
    if not floats:
        raise UnsupportedModel("it has no output of floats")
    matching = [output for output in floats if output.shape[-1:] == [classes]]
    return str((matching or floats)[0].name)
