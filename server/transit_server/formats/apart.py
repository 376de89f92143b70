"""Compiles a model in a child process, which is gone when the model is served.

That keeps what only compiling needs (scikit-learn, XGBoost, the pickled original: 100 MB and more)
out of the serving process, uses another core, and lets a model that kills whoever loads it kill a
child.

The child runs `child` below: it finds the probes in its folder, and leaves the ONNX and a
result there.
"""

import gc
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Protocol, cast

import msgspec
import numpy as np

from transit_server.formats.base import Compiled, ModelShape, NotCompiled, UnsupportedModel

_CHILD = f"from {__name__} import child; child()"
_PROBES, _RESULT, _ONNX = "probes.npy", "result.json", "model.onnx"


# XGBoost imports scikit-learn for its estimators where it is there: a second for nothing here.
_UNNEEDED = {"xgboost": "sklearn"}


class Died(UnsupportedModel):
    """The child ended without a word: the model ended it, or the memory for two was not there."""


class _Result(msgspec.Struct):
    """What the child says: a note on success, why not, or what the model did wrong."""

    note: str = ""
    failure: str | None = None


class _Compiles(Protocol):
    def compile(self, path: Path, shape: ModelShape) -> Compiled: ...


def compile_apart(module: str, path: Path, shape: ModelShape, work: Path) -> Compiled:
    """The model as ONNX, or why it isn't. Raises `UnsupportedModel` when it can't be loaded, `Died`
    when that ended the child.
    """
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compile-", dir=work) as name:
        folder = Path(name)
        np.save(folder / _PROBES, shape.probes, allow_pickle=False)
        command = [sys.executable, "-c", _CHILD, module, str(path), name, *shape.labels]
        # Its standard input is how the child learns that its parent is gone.
        with subprocess.Popen(command, stdin=subprocess.PIPE) as child:  # noqa: S603 - ourselves
            code = child.wait()
        if not (folder / _RESULT).exists():
            raise Died(f"loading it ended the process that tried: {_ending(code)}")
        result = msgspec.json.decode((folder / _RESULT).read_bytes(), type=_Result)
        if result.failure is not None:
            raise UnsupportedModel(result.failure)
        compiled = folder / _ONNX
        return Compiled(compiled.read_bytes() if compiled.exists() else None, result.note)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _compile(module: str, path: Path, folder: Path, labels: tuple[str, ...]) -> None:
    shape = ModelShape(labels, np.load(folder / _PROBES, allow_pickle=False))
    result = _Result()
    try:
        format_module = importlib.import_module(f"transit_server.formats.{module}")
        compiled = cast(_Compiles, format_module).compile(path, shape)
        result.note = compiled.note
        if compiled.onnx is not None:
            (folder / _ONNX).write_bytes(compiled.onnx)
    except NotCompiled as reason:
        result.note = f"not compiled: {reason}"
    except UnsupportedModel as error:
        result.failure = str(error)
    except BaseException as error:  # a pickle may raise anything, SystemExit too
        result.failure = f"{type(error).__name__}: {error}"
    (folder / _RESULT).write_bytes(msgspec.json.encode(result))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def child() -> None:
    """The child's whole life: too short for a garbage collector, which slows imports down."""
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.argv[1] in _UNNEEDED:
        sys.modules[_UNNEEDED[sys.argv[1]]] = None  # type: ignore[assignment]
    _compile(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), tuple(sys.argv[4:]))
    sys.stdout.flush()
    os._exit(0)
