"""Compiles a model in a child process, which is gone when the model is served.

That keeps what only compiling needs (scikit-learn, XGBoost, the pickled original: 100 MB and more)
out of the serving process, uses another core, and lets a model that kills whoever loads it kill a
child.

The child runs `child` below: it finds its task in its folder, and leaves the ONNX and a result
there, with what the model says of itself.
"""

import gc
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import msgspec
import numpy as np

from transit_models.errors import ModelStoreError
from transit_models.integrity import version_in
from transit_models.schema import Input
from transit_server.formats.base import (
    Engine,
    NotCompiled,
    Says,
    Source,
    UnsupportedModel,
    first_line,
)
from transit_server.formats.compile.check import checked
from transit_server.formats.compile.converted import Converted
from transit_server.formats.opening import opened

_CHILD = f"from {__name__} import child; child()"
_TASK, _PROBES, _RESULT, _ONNX = "task.json", "probes.npy", "result.json", "model.onnx"

# XGBoost imports scikit-learn for its estimators where it is there: a second for nothing here.
_UNNEEDED = {"xgboost": "sklearn"}


class Died(UnsupportedModel):
    """The child ended without a word: the model ended it, or the memory for two was not there."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model as ONNX, checked against the original; None when the original has to serve. `says` is
    None when that was not found out.
    """

    onnx: bytes | None
    note: str
    says: Says | None = None
    only_compiled: bool = False


class _Task(msgspec.Struct):
    module: str
    converter: str
    directory: str
    path: str
    row: Input | None


class _Result(msgspec.Struct):
    """What the child says: a note on success, why not, or what the model did wrong."""

    note: str = ""
    failure: str | None = None
    says: Says | None = None
    only_compiled: bool = False


class _Converts(Protocol):
    def convert(self, engine: Engine, source: Source) -> Converted: ...


def compile_in_child(module: str, converter: str, source: Source, work: Path) -> Compiled:
    """The model as ONNX, or why it isn't. Raises `UnsupportedModel` when it can't be loaded, `Died`
    when that ended the child.
    """
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compile-", dir=work) as name:
        folder = Path(name)
        if source.probes is not None:
            np.save(folder / _PROBES, source.probes, allow_pickle=False)
        directory = str(source.version.directory.absolute())
        task = _Task(module, converter, directory, str(source.path.absolute()), source.row)
        (folder / _TASK).write_bytes(msgspec.json.encode(task))
        code = _run(folder, module)
        if not (folder / _RESULT).exists():
            raise Died(f"loading it ended the process that tried: {_ending(code)}")
        result = msgspec.json.decode((folder / _RESULT).read_bytes(), type=_Result)
        if result.failure is not None:
            raise UnsupportedModel(result.failure)
        compiled = folder / _ONNX
        onnx = compiled.read_bytes() if compiled.exists() else None
        return Compiled(onnx, result.note, result.says, result.only_compiled)


def _run(folder: Path, module: str) -> int:
    """The child from its start to its end; returns its exit code."""
    command = [sys.executable, "-c", _CHILD, str(folder), module]
    # Its standard input is how the child learns that its parent is gone.
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:  # noqa: S603 - ourselves
        return child.wait()


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _compile(folder: Path) -> None:
    result = _Result()
    try:
        task = msgspec.json.decode((folder / _TASK).read_bytes(), type=_Task)
        probes = np.load(folder / _PROBES) if (folder / _PROBES).exists() else None
        version = version_in(Path(task.directory))
        source = Source(Path(task.path), version, task.row, probes)
        engine = opened(task.module, source)
        result.says, result.only_compiled = engine.says, engine.only_compiled
        converter = importlib.import_module(f"{__package__}.{task.converter}")
        onnx, result.note = _converted(cast(_Converts, converter), engine, source)
        (folder / _ONNX).write_bytes(onnx)
    except NotCompiled as reason:
        result.note = f"not compiled: {reason}"
    except (UnsupportedModel, ModelStoreError) as error:
        result.failure = str(error)
    except BaseException as error:  # a pickle may raise anything, SystemExit too
        result.failure = f"{type(error).__name__}: {error}"
    (folder / _RESULT).write_bytes(msgspec.json.encode(result))


def _converted(converter: _Converts, engine: Engine, source: Source) -> tuple[bytes, str]:
    if engine.native is None or engine.says.takes != "matrix":
        raise NotCompiled("it takes more than a matrix of numbers")
    try:
        converted = converter.convert(engine, source)
    except (NotCompiled, UnsupportedModel):
        raise
    except Exception as error:  # whatever the converter doesn't know
        raise NotCompiled(first_line(error)) from error
    return converted.onnx, checked(converted, engine, source)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def child() -> None:
    """The child's whole life: too short for a garbage collector, which slows imports down."""
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.argv[2] in _UNNEEDED:
        sys.modules[_UNNEEDED[sys.argv[2]]] = None  # type: ignore[assignment]
    _compile(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)
