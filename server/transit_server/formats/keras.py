"""Keras models: `.keras` and `.h5`, known by their first bytes. Importing this module imports
TensorFlow: seconds, 450 MB.

They are compiled to ONNX where that is right, in a process of its own, so that the server's has no
TensorFlow; what can't be compiled is served as a traced function. Files of Keras 2 are read by
`tf_keras`, and only to be compiled. Neighbours: `compile.networks`.
"""

import json
import os
import tempfile
import zipfile
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before the import, or it is too late

import numpy as np
import tensorflow

from transit_models.schema import TEXT, Input
from transit_server.formats.base import (
    Engine,
    Gives,
    Rows,
    Says,
    Source,
    UnsupportedModel,
    cast,
    largest_difference,
)
from transit_server.formats.inputs import fitted
from transit_server.runtime.cpus import available_cpus

_TOLERANCE = 1e-4
_HDF5, _ZIP = b"\x89HDF", b"PK\x03\x04"


def load(source: Source) -> Engine:
    """The model as one traced function, which is some fifty times faster than `predict`."""
    _limit_threads()
    keras2 = written_by(source.path).startswith("2.")
    model = _opened(source.path, keras2)
    inputs, names = list(model.inputs), [_name(tensor) for tensor in model.inputs]
    one = len(inputs) == 1
    texts = one and _dtype(inputs[0]) == TEXT
    if one and not texts:
        inner = fitted(tuple(inputs[0].shape[1:]), source.row)
        dtype = np.dtype(_dtype(inputs[0]))
        taken: dict[str, Any] = {"features": int(np.prod(inner)), "dtype": dtype.name}

        def shaped(rows: Any) -> Any:
            return cast(rows, dtype).reshape(len(rows), *inner)

    elif texts:
        taken = {"takes": "texts", "fields": (Input("text", TEXT),), "features": 1}
        rank = len(inputs[0].shape)

        def shaped(rows: Any) -> Any:
            return np.array(rows, dtype=object).reshape(len(rows), *([1] * (rank - 1)))

    else:
        fields = tuple(
            Input(name, _dtype(tensor), _row_shape(tensor))
            for name, tensor in zip(names, inputs, strict=True)
        )
        taken = {"takes": "tensors", "fields": fields}

        def shaped(rows: Any) -> Any:
            return [
                rows[field.name].reshape(len(rows[field.name]), *tensor.shape[1:])
                for field, tensor in zip(fields, inputs, strict=True)
            ]

    several = source.task == "tensors"
    gives: Gives = "tensors" if several else _GIVES.get(source.task, "probabilities")
    if source.task not in (*_GIVES, "classification", "binary"):
        raise UnsupportedModel(f"Keras models do not answer the task {source.task}")
    outputs = list(model.outputs)
    if len(outputs) > 1 and not several:
        raise UnsupportedModel(
            f"it has {len(outputs)} outputs ({', '.join(model.output_names)}): "
            "pack it with --task tensors"
        )
    if gives == "value" and outputs[0].shape[-1] != 1:
        raise UnsupportedModel(
            f"a regression answers one number, and this {outputs[0].shape[-1]}: "
            "give labels if they are classes, or pack it with --task tensors"
        )
    widths = _widths(model) if several else ()
    says = Says(gives=gives, outputs=widths, written_by=_versions(source.path), **taken)

    def original(rows: Any) -> Any:
        return _plain(model.predict_on_batch(shaped(rows)), model, several)

    if keras2:
        return Engine(original, "tensorflow", says, model, only_compiled=True)
    if not one or texts or several:
        return Engine(original, "tensorflow", says, model)
    return _traced(
        model, Engine(original, "tensorflow", says, model), shaped, source.probes_in(dtype)
    )


_GIVES: dict[str, Gives] = {"regression": "value", "tensors": "tensors"}


def written_by(path: Path) -> str:
    """The version of Keras that saved the file, '' if it doesn't say."""
    with path.open("rb") as file:
        first = file.read(4)
    try:
        if first == _ZIP:
            with zipfile.ZipFile(path) as archive:
                return str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
        if first == _HDF5:
            import h5py

            with h5py.File(path, "r") as file:
                said = file.attrs.get("keras_version", "")
                return said.decode() if isinstance(said, bytes) else str(said)
    except (OSError, KeyError, ValueError):
        return ""
    return ""


def _versions(path: Path) -> dict[str, str]:
    found = written_by(path)
    return {"keras": found} if found else {}


def _opened(path: Path, keras2: bool) -> Any:
    with path.open("rb") as file:
        first = file.read(4)
    ending = {_HDF5: ".h5", _ZIP: ".keras"}.get(first)
    if ending is None:
        raise UnsupportedModel(f"{path.name} is neither HDF5 nor a Keras archive")
    if keras2 and find_spec("tf_keras") is None:
        raise UnsupportedModel(
            f"{path.name} was written by Keras {written_by(path)}, which needs tf_keras, and that "
            "is not installed: load it where it was trained and save it as ONNX"
        )
    safely: AbstractContextManager[Any] = nullcontext()
    if keras2:
        import tf_keras as library
        from tf_keras.src.saving.serialization_lib import SafeModeScope

        safely = SafeModeScope(safe_mode=True)  # else the code of a Lambda in HDF5 would run
    else:
        library = tensorflow.keras
    with safely, tempfile.TemporaryDirectory(prefix="transit-keras-") as folder:
        # Keras goes by the ending, whatever is in the file.
        link = Path(folder) / f"model{ending}"
        link.symlink_to(path.absolute())
        return library.models.load_model(str(link), compile=False)


def _name(tensor: Any) -> str:
    return str(tensor.name).partition(":")[0]


def _dtype(tensor: Any) -> str:
    dtype = getattr(tensor.dtype, "name", tensor.dtype)
    return TEXT if dtype == "string" else str(dtype)


def _row_shape(tensor: Any) -> tuple[int | None, ...]:
    inner = tuple(tensor.shape[1:])
    return () if inner == (1,) else inner


def _widths(model: Any) -> tuple[tuple[str, int], ...]:
    widths = []
    # A Sequential has an output only once it was called, and never a name for it.
    given = getattr(model, "output", None)
    names = getattr(model, "output_names", None) or [tensor.name for tensor in model.outputs]
    named = given if isinstance(given, dict) else dict(zip(names, model.outputs, strict=True))
    for name, tensor in named.items():
        if None in tensor.shape[1:]:
            raise UnsupportedModel(f"its output {name} has an open shape: {tuple(tensor.shape)}")
        widths.append((str(name), int(np.prod(tensor.shape[1:]))))
    return tuple(widths)


def _plain(answer: Any, model: Any, several: bool) -> Any:
    if not several:
        return np.asarray(answer)
    if isinstance(answer, dict):
        return tuple(np.asarray(answer[name]) for name in model.output)
    return tuple(map(np.asarray, answer if isinstance(answer, list | tuple) else [answer]))


def _traced(model: Any, engine: Engine, shaped: Any, probes: Rows | None) -> Engine:
    def forward(rows: tensorflow.Tensor) -> tensorflow.Tensor:
        return model(rows, training=False)

    own = model.inputs[0]
    signature = [tensorflow.TensorSpec((None, *own.shape[1:]), _dtype(own))]
    traced = tensorflow.function(forward, input_signature=signature, autograph=False)
    call = traced.get_concrete_function()

    def run(rows: Rows) -> Any:
        return call(tensorflow.constant(shaped(rows))).numpy()

    if probes is None:
        return engine
    difference = largest_difference(engine.run(probes), run(probes))
    if difference > _TOLERANCE:
        note = f"the traced function differs by {difference:.1e}, so the original model is used"
        return Engine(engine.run, engine.name, engine.says, model, note)
    note = f"traced, largest difference {difference:.1e}"
    return Engine(run, engine.name, engine.says, model, note)


def _limit_threads() -> None:
    """As many threads as the pod has processors; it takes effect before the first model only."""
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(available_cpus())
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return
