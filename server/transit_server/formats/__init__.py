"""The model formats, one file each; `load` picks by the file's suffix.

A format's module is imported only when a model of that format is served, so that nobody pays for
TensorFlow who serves trees.
"""

import importlib
from pathlib import Path
from typing import Protocol, cast

from transit_server.formats.base import Engine, ModelShape, UnsupportedModel

_MODULES = {
    ".keras": "keras",
    ".h5": "keras",
    ".json": "xgboost",
    ".ubj": "xgboost",
    ".pkl": "sklearn",
    ".joblib": "sklearn",
    ".onnx": "onnx",
}


class _Format(Protocol):
    def load(self, path: Path, shape: ModelShape) -> Engine: ...


def load(path: Path, shape: ModelShape) -> Engine:
    """Load the model in `path`, compiled where that pays and was checked."""
    name = _MODULES.get(path.suffix)
    if name is None:
        raise UnsupportedModel(f"{path.name} has none of the endings {', '.join(_MODULES)}")
    module = importlib.import_module(f"{__name__}.{name}")
    return cast(_Format, module).load(path, shape)


__all__ = ["Engine", "ModelShape", "UnsupportedModel", "load"]
