"""Opens a file of Keras, by its first bytes and not by its ending; says of one that can't be opened
what to do instead. Neighbour: `libraries.keras` asks what the model takes.

Code of a file is never run: a `Lambda` layer and classes of the author's own are refused. So is
what answers by more than the row: its configuration says so for sure, and a few rows asked need not
show it.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tensorflow

from transit_server.formats.base import Unreadable, UnsupportedModel, first_line
from transit_server.formats.networks import older

_HDF5, _ZIP = b"\x89HDF", b"PK\x03\x04"
_AS_ONNX = "model.export('model.onnx', format='onnx')"
_AS_ONNX_OF_2 = "tf2onnx.convert.from_keras(model, output_path='model.onnx')"


@dataclass(frozen=True, slots=True)
class KerasFile:
    """What a file says of itself. `written_by` is '' and `network` None where it doesn't say."""

    path: Path
    ending: str
    written_by: str = ""
    network: Any = None

    @property
    def keras2(self) -> bool:
        return self.written_by.startswith("2.")

    @property
    def way_out(self) -> str:
        """How its author makes of it what is served without Keras."""
        if not self.keras2:
            return f"save it as ONNX where it was trained: {_AS_ONNX}"
        also = ", or as HDF5: model.save('model.h5')" if self.ending == ".keras" else ""
        return f"save it as ONNX where it was trained: {_AS_ONNX_OF_2}{also}"


def described(path: Path) -> KerasFile:
    """Raises `UnsupportedModel` when it is no file of Keras, or has no network in it."""
    with path.open("rb") as file:
        first = file.read(4)
    try:
        if first == _ZIP:
            found = _archive(path)
        elif first == _HDF5:
            found = _hdf5(path)
        else:
            raise UnsupportedModel(f"{path.name} is neither HDF5 nor a Keras archive")
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise Unreadable(f"{path.name} can't be read: {first_line(error)}") from error
    if found.network is None:
        raise UnsupportedModel(
            f"{path.name} holds weights alone, without the architecture that they belong to: build "
            "the model where it was trained, load them into it, and save the whole: "
            "model.save('model.keras')"
        )
    _refuse_what_depends_on_more(found.network)
    return found


def _refuse_what_depends_on_more(network: Any) -> None:
    """Raises `UnsupportedModel` where chance, the batch or earlier rows have a say."""
    for part in _parts(network):
        config = part.get("config")
        if not isinstance(config, dict):
            continue  # a function, as a loss of the author's own, which is known by name only
        name = part.get("name") or config.get("name") or part["class_name"]
        if _is_called_in_training(part.get("inbound_nodes")):
            raise UnsupportedModel(
                f"its layer {name} is called with training=True: model(rows) then answers by "
                "chance, or by whoever else is in the batch, and predict() of Keras 3 does not. "
                "Which is meant can't be known, and what answers by chance can't be judged: build "
                "it without training=True, load the weights into that, and save it again"
            )
        if config.get("stateful"):
            raise UnsupportedModel(
                f"its layer {name} is stateful: an answer depends on the rows that were asked "
                "before it, whosever they were. Build it with stateful=False, load the weights "
                "into that (new.set_weights(old.get_weights())), and save it again"
            )


def _is_called_in_training(nodes: Any) -> bool:
    """Keras 2 and 3 lay out the arguments of a call differently, and both by name."""
    if isinstance(nodes, dict):
        return nodes.get("training") == 1 or any(map(_is_called_in_training, nodes.values()))
    return isinstance(nodes, list) and any(map(_is_called_in_training, nodes))


def _archive(path: Path) -> KerasFile:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        about = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
        network = json.loads(archive.read("config.json")) if "config.json" in names else None
    return KerasFile(path, ".keras", str(about.get("keras_version", "")), network)


def _hdf5(path: Path) -> KerasFile:
    import h5py

    with h5py.File(path, "r") as file:
        version, network = (
            said.decode() if isinstance(said, bytes) else said
            for said in (file.attrs.get("keras_version", ""), file.attrs.get("model_config"))
        )
    return KerasFile(path, ".h5", str(version), None if network is None else json.loads(network))


def opened(file: KerasFile) -> Any:
    """The model. Raises `UnsupportedModel`."""
    if file.keras2 and find_spec("tf_keras") is None:
        raise UnsupportedModel(
            f"{file.path.name} was written by Keras {file.written_by}, which needs tf_keras, and "
            f"that is not installed: {file.way_out}"
        )
    safely: AbstractContextManager[Any] = nullcontext()
    laid_out: AbstractContextManager[Any] = nullcontext()
    if file.keras2:
        import tf_keras as library
        from tf_keras.src.saving.serialization_lib import SafeModeScope

        safely = SafeModeScope(safe_mode=True)  # else the code of a Lambda in HDF5 would run
        if file.ending == ".keras" and older.is_older(file.written_by):
            laid_out = older.laid_out_as(file.written_by)
    else:
        library = tensorflow.keras
    with safely, laid_out, tempfile.TemporaryDirectory(prefix="transit-keras-") as folder:
        # Keras goes by the ending, whatever is in the file.
        link = Path(folder) / f"model{file.ending}"
        link.symlink_to(file.path.absolute())
        try:
            return library.models.load_model(str(link), compile=False)
        except MemoryError:
            raise
        except Exception as error:  # whatever Keras says of what it doesn't know
            raise _why_not(file, library, error) from error


def _why_not(file: KerasFile, library: Any, error: Exception) -> UnsupportedModel:
    parts = list(_parts(file.network))
    if any(part["class_name"] == "Lambda" for part in parts):
        return UnsupportedModel(
            "it has a Lambda layer, whose code would come out of the file and is not run: "
            f"use a layer of Keras in its place, or {file.way_out}"
        )
    foreign = sorted({_name(part) for part in parts if _is_foreign(part, library)})
    if foreign:
        return UnsupportedModel(
            f"it needs {', '.join(foreign)[:200]} of its author's own code, which is not here: "
            f"{file.way_out}"
        )
    here = f"{'tf_keras' if file.keras2 else 'Keras'} {library.__version__}"
    return Unreadable(
        f"{here} can't open what Keras {file.written_by or 'of an unknown version'} has written: "
        f"{file.way_out} ({first_line(error)})"
    )


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """All that has a class, however deep."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str):
            yield config
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


def _name(part: dict[str, Any]) -> str:
    """Of a function the name is its whole configuration."""
    config = part.get("config")
    name = config if isinstance(config, str) else part["class_name"]
    return str(name).rpartition(">")[2]


def _is_foreign(part: dict[str, Any], library: Any) -> bool:
    """Older files name no modules, and nothing but the class of a layer."""
    if part.get("registered_name"):
        return not str(part.get("module") or "").startswith("keras")
    is_layer = isinstance(part.get("config"), dict) and "name" in part["config"]
    known = (library.layers, library.models, library)
    named = part.get("module") is None and is_layer
    return named and not any(hasattr(where, part["class_name"]) for where in known)
