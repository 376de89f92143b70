"""ONNX Runtime's sessions: how they are set up, and what they say of their tensors.

By their path, so that data beside the file is found, and only inside the version's folder.
Neighbours: the format `libraries.onnx`, and `compile`, whose models answer through `plain`.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Since 1.29 ONNX Runtime tells its maker of every model that is loaded, unless this is set before
# it is imported. A model server inside a company must not.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

from transit_models.schema import TEXT
from transit_server.formats.base import Engine, Rows, Says, Scores
from transit_server.formats.graphs import gpu

DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
    "tensor(string)": TEXT,
    **{f"tensor({kind}{bits})": f"{kind}{bits}"
       for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip
FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")


def session_of(model: bytes | Path, threads: int = 1) -> Any:
    """A session; by default on one thread, because requests are what is parallel here, and without
    spinning.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = gpu.providers()
    if providers != [gpu.CPU]:
        options.add_session_config_entry(gpu.RECORDED, "1")
    given = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(given, options, providers=providers)


def engine(model: bytes | Path, says: Says, threads: int = 1, note: str = "") -> Engine:
    """Of a model of our own making, as `plain`, whose answers are what `says` names."""
    session = session_of(model, threads)
    device = gpu.device_of(session)
    relax = gpu.relaxing(session, device)
    return Engine(_plain(session), "onnxruntime", says, note=note, device=device, relax=relax)


def plain(model: bytes | Path) -> Callable[[Rows], Scores]:
    """For a model of our own making: one matrix in, the first output as it is."""
    return _plain(session_of(model))


def _plain(session: Any) -> Callable[[Rows], Scores]:
    (feed,) = session.get_inputs()
    inner = lengths_of(feed.shape)
    shape = tuple(-1 if length is None else length for length in inner)
    name, dtype = feed.name, np.dtype(DTYPES[feed.type])
    output = next(item.name for item in session.get_outputs() if item.type in FLOATS)

    def predict(rows: Rows) -> Scores:
        shaped = rows if len(shape) == 1 else rows.reshape(len(rows), *shape)
        (answer,) = session.run([output], {name: shaped.astype(dtype, copy=False)})
        return answer  # type: ignore[no-any-return]

    return predict


def lengths_of(shape: Sequence[Any]) -> tuple[int | None, ...]:
    """Of a row: the batch axis left out, open axes None."""
    return tuple(length if isinstance(length, int) else None for length in shape[1:])
