"""The model formats, one file each; `load` picks by the file's ending.

A format's module is imported only when a model of that format is served, so that nobody pays for
TensorFlow who serves trees. Formats that can be compiled to ONNX are compiled in a process of their
own, see `apart`: then this process needs neither scikit-learn nor XGBoost.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from transit_server.formats import apart
from transit_server.formats.base import Engine, ModelShape, UnsupportedModel


@dataclass(frozen=True, slots=True)
class _Format:
    module: str
    compiles: bool = False


_FORMATS = {
    ".keras": _Format("keras"),
    ".h5": _Format("keras"),
    ".json": _Format("xgboost", compiles=True),
    ".ubj": _Format("xgboost", compiles=True),
    ".pkl": _Format("sklearn", compiles=True),
    ".joblib": _Format("sklearn", compiles=True),
    ".onnx": _Format("onnx"),
}


class _Loads(Protocol):
    def load(self, path: Path, shape: ModelShape) -> Engine: ...


def load(path: Path, shape: ModelShape, work: Path) -> Engine:
    """Load the model in `path`, compiled where that pays and was checked; `work` may be written to.

    Raises `UnsupportedModel`, and whatever deserialising raises.
    """
    chosen = _FORMATS.get(path.suffix)
    if chosen is None:
        raise UnsupportedModel(f"{path.name} has none of the endings {', '.join(_FORMATS)}")
    note = ""
    if chosen.compiles:
        result = apart.compile_apart(chosen.module, path, shape, work)
        if result.onnx is not None:
            from transit_server.formats import onnx

            return Engine(onnx.session(result.onnx, len(shape.labels)), "onnxruntime", result.note)
        note = result.note
    module = importlib.import_module(f"{__name__}.{chosen.module}")
    engine = cast(_Loads, module).load(path, shape)
    return Engine(engine.score, engine.name, engine.note or note)


__all__ = ["Engine", "ModelShape", "UnsupportedModel", "load"]
