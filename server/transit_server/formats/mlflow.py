"""MLflow's model folders: `model.mlflow/MLmodel` says which library's file is in it, and its
signature which columns the model takes. MLflow itself is not needed.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from transit_models.integrity import check_relative
from transit_models.schema import TEXT, Input
from transit_server.formats.base import Engine, Says, Source, UnsupportedModel

# Flavour → our format; the entry that names its file, and the file's name by default.
_FLAVOURS = {
    "sklearn": ("sklearn", "pickled_model", "model.pkl"),
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


def load(source: Source) -> Engine:
    folder = source.path.parent
    described = yaml.safe_load(source.path.read_text("utf-8"))
    flavours = described.get("flavors", {}) if isinstance(described, dict) else {}
    for name, (module, entry, default) in _FLAVOURS.items():
        if name in flavours:
            path = _file(folder, str(flavours[name].get(entry) or default), module)
            if path.suffix == ".skops":  # what MLflow writes by itself since 3.18
                raise UnsupportedModel(
                    f"{path.name} is in the format of skops, which is not served: save the model "
                    "with serialization_format='cloudpickle'"
                )
            if path.suffix == ".pkl":  # an estimator of LightGBM, which is a pickle there
                module = "sklearn"
            with_file = source.at(path)
            engine: Engine = import_module(f"transit_server.formats.{module}").load(with_file)
            return _signed(engine, described.get("signature"))
    known = ", ".join(_FLAVOURS)
    raise UnsupportedModel(
        f"its flavours are {', '.join(flavours) or 'none'}, and served are {known}"
    )


def _file(folder: Path, name: str, module: str) -> Path:
    path = folder / check_relative(name)
    if path.is_dir():  # Keras has a folder, with the file somewhere in it
        found = sorted(p for p in path.rglob("*") if p.suffix in (".keras", ".h5", ".onnx"))
        if not found:
            raise UnsupportedModel(f"{name} holds no file of {module}: SavedModel is not served")
        return found[0]
    if not path.is_file():
        raise UnsupportedModel(f"MLmodel names {name}, which is not there")
    return path


def _signed(engine: Engine, signature: Any) -> Engine:
    """With the columns of the signature, where the model does not know them better."""
    import json

    if not isinstance(signature, dict) or not signature.get("inputs"):
        return engine
    columns = json.loads(signature["inputs"])
    if not columns or any(item.get("type") not in _TYPES for item in columns):
        return engine
    fields = tuple(
        Input(str(item["name"]), _TYPES[item["type"]], missing=not item.get("required", True))
        for item in columns
        if "name" in item
    )
    says: Says = engine.says
    if len(fields) != len(columns) or says.fields or says.names:
        return engine
    return replace(engine, says=_named(says, tuple(field.name for field in fields)))


def _named(says: Says, names: tuple[str, ...]) -> Says:
    import msgspec

    if says.takes != "matrix" or says.features not in (None, len(names)):
        return says
    return msgspec.structs.replace(says, names=names, features=len(names))
