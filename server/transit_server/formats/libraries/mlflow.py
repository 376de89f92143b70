"""MLflow's model folders: `model.mlflow/MLmodel` says which library's file is in it, and its
signature which columns the model takes. MLflow itself is not needed.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from transit_models.file_formats import FileFormat
from transit_models.first_bytes import refuse_other
from transit_models.integrity import check_relative
from transit_models.probe import made_up_rows
from transit_models.schema import TEXT, Input, inputs_of
from transit_server.formats import opening
from transit_server.formats.agreeing.door import door
from transit_server.formats.base import Engine, Says, Source, UnsupportedModel, first_line

# Flavour → the format of its file; the entry that names it, and its name by default.
_FLAVOURS: dict[str, tuple[FileFormat, str, str]] = {
    "sklearn": ("pickle", "pickled_model", "model.pkl"),
    "xgboost": ("xgboost", "data", "model.ubj"),
    "lightgbm": ("lightgbm", "data", "model.lgb"),
    "keras": ("keras", "data", "data/model.keras"),
    "tensorflow": ("keras", "data", "data/model.keras"),
    "onnx": ("onnx", "data", "model.onnx"),
}
_TYPES = {
    "double": "float64",
    "float": "float32",
    "integer": "int32",
    "long": "int64",
    "boolean": "bool",
    "string": TEXT,
}


@dataclass(frozen=True, slots=True)
class Inner:
    """The file in the folder that holds the model."""

    path: Path
    format: FileFormat
    signature: Any


def load(source: Source) -> Engine:
    found = inner(source.path)
    refuse_other(found.path, found.format)
    engine = opening.original(source.at(found.path), opening.LOADERS[found.format])
    return _signed(engine, found.signature)


def inner(described: Path) -> Inner:
    """What the file `MLmodel` says is to be opened. Raises `UnsupportedModel`."""
    try:
        said = yaml.safe_load(described.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnsupportedModel(f"MLmodel is no YAML: {first_line(error)}") from error
    flavours = said.get("flavors", {}) if isinstance(said, dict) else {}
    for name, (format, entry, default) in _FLAVOURS.items():
        if name in flavours:
            path = _file(described.parent, str(flavours[name].get(entry) or default), name)
            # MLflow writes skops by itself since 3.18, and an estimator of LightGBM as a pickle.
            own: dict[str, FileFormat] = {".skops": "skops", ".pkl": "pickle"}
            return Inner(path, own.get(path.suffix, format), said.get("signature"))
    known = ", ".join(_FLAVOURS)
    if set(flavours) == {"python_function"}:
        raise UnsupportedModel(
            "its only flavour is python_function, whose model is code of its author's own, which "
            "is not run: log the model in it by the flavour of its library, of which "
            f"{known} are served, with what the code does to rows as a step of its pipeline"
        )
    raise UnsupportedModel(
        f"its flavours are {', '.join(flavours) or 'none'}, and served are {known}"
    )


def _file(folder: Path, name: str, flavour: str) -> Path:
    path = folder / check_relative(name)
    if path.is_dir():  # Keras has a folder, with the file somewhere in it
        found = sorted(p for p in path.rglob("*") if p.suffix in (".keras", ".h5", ".onnx"))
        if not found:
            raise UnsupportedModel(f"{name} holds no file of {flavour}: SavedModel is not served")
        return found[0]
    if not path.is_file():
        raise UnsupportedModel(f"MLmodel names {name}, which is not there")
    return path


def _signed(engine: Engine, signature: Any) -> Engine:
    """With the columns of the signature, where the model does not know them better, and with those
    that may be missing, where the model can do without.
    """
    if not isinstance(signature, dict) or not signature.get("inputs"):
        return engine
    columns = json.loads(signature["inputs"])
    named = [item for item in columns if "name" in item and item.get("type") in _TYPES]
    if not columns or len(named) != len(columns):
        return engine
    optional = {str(item["name"]) for item in named if not item.get("required", True)}
    says = _named(engine.says, tuple(str(item["name"]) for item in named))
    if not optional or says.takes not in ("matrix", "frame"):
        return replace(engine, says=says)
    return replace(engine, says=_without(optional, engine, says))


def _named(says: Says, names: tuple[str, ...]) -> Says:
    if says.fields or says.names or says.takes != "matrix":
        return says
    if says.features not in (None, len(names)):
        return says
    return msgspec.structs.replace(says, names=names, features=len(names))


def _without(optional: set[str], engine: Engine, says: Says) -> Says:
    """What it says, with each of `optional` that the model answers without."""
    dtype = says.dtype or "float64"
    fields = says.fields or tuple(Input(name, dtype) for name in says.names)
    asked = [field.name for field in fields if field.name in optional and not field.missing]
    fine = {name for name in asked if _answers_without(name, fields, engine, says)}
    refused = [name for name in asked if name not in fine]
    notes = says.notes
    if refused:
        notes += (
            f"its signature lets {', '.join(refused)[:200]} be missing, and the model itself "
            "answers no row without: null is refused there",
        )
    if fine:
        fields = tuple(replace(one, missing=one.missing or one.name in fine) for one in fields)
    return msgspec.structs.replace(says, fields=fields if fine else says.fields, notes=notes)


def _answers_without(name: str, fields: tuple[Input, ...], engine: Engine, says: Says) -> bool:
    known = tuple(replace(one, missing=one.missing or one.name == name) for one in fields)
    inputs = inputs_of(known)
    row = made_up_rows(inputs, 1)
    matrix = inputs.matrix
    column = row[name] if matrix is None else row[:, matrix.names.index(name)]
    if column.dtype.kind not in "fO":
        return False
    column[:] = np.nan
    enter = door(inputs, says)
    try:
        said = engine.run(row if enter is None else enter(row))
    except Exception:  # each library has its own for what it can't take
        return False
    parts = map(np.asarray, said if isinstance(said, tuple) else (said,))
    return all(part.dtype.kind != "f" or bool(np.isfinite(part).all()) for part in parts)
