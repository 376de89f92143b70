"""The model formats, one file each; `load` picks by the file's ending.

A format's module is imported only when a model of that format is served, so that nobody pays for
TensorFlow who serves trees. A version that brings an ONNX twin is served by it, see `twins`. Other
formats that can be compiled to ONNX are compiled in a process of their own, see `apart`: then this
process needs neither scikit-learn, XGBoost nor TensorFlow.
"""

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from transit_server.formats import apart, regression, twins
from transit_server.formats.base import (
    Compiled,
    Engine,
    ModelShape,
    NotCompiled,
    UnsupportedModel,
)


@dataclass(frozen=True, slots=True)
class _Format:
    module: str
    compiles: bool = False
    converter: str = ""  # a package that compiling needs, and that may not be there


_FORMATS = {
    ".keras": _Format("keras", compiles=True, converter="tf2onnx"),
    ".h5": _Format("keras", compiles=True, converter="tf2onnx"),
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
    chosen = _format_of(path)
    if not shape.labels:
        return regression.load(path, shape)
    note = ""
    if twins.twin_of(path) is not None:
        try:
            return twins.load(path, shape)
        except NotCompiled as reason:
            note = str(reason)
    if chosen.converter and find_spec(chosen.converter) is None:
        note = note or f"not compiled: {chosen.converter} is not installed"
    elif chosen.compiles:
        result = _compiled(chosen, path, shape, work)
        if result.onnx is not None:
            from transit_server.formats import onnx

            return Engine(onnx.session(result.onnx, len(shape.labels)), "onnxruntime", result.note)
        note = "; ".join(part for part in (note, result.note) if part)
    engine = original(path, shape)
    notes = (note, engine.note)
    return Engine(engine.score, engine.name, "; ".join(part for part in notes if part))


def _compiled(chosen: _Format, path: Path, shape: ModelShape, work: Path) -> Compiled:
    try:
        return apart.compile_apart(chosen.module, path, shape, work)
    except apart.Died as error:
        if not chosen.converter:
            raise  # a pickle that ends whoever loads it must not be loaded here
        # Converting takes more memory than serving: what was too much there may be enough here.
        return Compiled(None, f"not compiled: {error}")


def original(path: Path, shape: ModelShape) -> Engine:
    """The model as its own library runs it. Raises as `load`."""
    module = importlib.import_module(f"{__name__}.{_format_of(path).module}")
    return cast(_Loads, module).load(path, shape)


def _format_of(path: Path) -> _Format:
    chosen = _FORMATS.get(path.suffix)
    if chosen is None:
        raise UnsupportedModel(f"{path.name} has none of the endings {', '.join(_FORMATS)}")
    return chosen


__all__ = ["Engine", "ModelShape", "NotCompiled", "UnsupportedModel", "load", "original"]
