"""Opens a model's file with the library of its format.

Whatever the library raises on a file that it can't read is told in words, with what to do: nobody
who publishes a model should have to read another project's traceback. Neighbours: `whole` and the
format `mlflow` open by the file's format, `compile` by the module, in a process of its own.
"""

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from transit_models.errors import ModelStoreError
from transit_models.file_formats import IN_WORDS, OF_ENDING, FileFormat, format_of
from transit_server.formats.base import (
    Engine,
    NotCompiled,
    Source,
    Unreadable,
    UnsupportedModel,
    first_line,
)
from transit_server.formats.estimators.pickles import LOADING


@dataclass(frozen=True, slots=True)
class Loader:
    module: str
    converter: str = ""  # of `compile`
    needs: str = ""  # a package that converting needs, and that may not be there
    extra: str = ""  # a package that serving needs, and that may not be there


LOADERS: dict[FileFormat, Loader] = {
    "keras": Loader("keras", "networks", needs="tf2onnx"),
    "xgboost": Loader("xgboost", "boosted"),
    "pickle": Loader("sklearn", "estimators"),
    "skops": Loader("skops", "estimators", extra="skops"),
    "onnx": Loader("onnx"),
    "lightgbm": Loader("lightgbm", extra="lightgbm"),
    "catboost": Loader("catboost", extra="catboost"),
}
_FOLDER = Loader("mlflow")


class _Loads(Protocol):
    def load(self, source: Source) -> Engine: ...


def loader_of(path: Path) -> Loader:
    """Raises `UnsupportedModel` for an ending of none."""
    if path.name == "MLmodel":
        return _FOLDER
    found = format_of(path)
    if found is None:
        raise UnsupportedModel(f"{path.name} has none of the endings {', '.join(OF_ENDING)}")
    return LOADERS[found]


def original(source: Source, loader: Loader | None = None) -> Engine:
    """The model as its own library runs it, by default that of its ending. Raises
    `UnsupportedModel`, and what is no `Exception`.
    """
    loader = loader or loader_of(source.path)
    refuse_missing(source.path, loader)
    return opened(loader.module, source)


def refuse_missing(path: Path, loader: Loader) -> None:
    """Raises `UnsupportedModel` where the image was built without a format."""
    if loader.extra and find_spec(loader.extra) is None:
        raise UnsupportedModel(
            f"{path.name} needs {loader.extra}, which this image was built without: "
            f"build it with FORMATS={loader.extra}"
        )


def opened(module: str, source: Source) -> Engine:
    """By a module of `libraries`. Raises as `original`."""
    name = source.path.name
    try:
        with LOADING:  # imports of one library by two threads may see half of it
            formats = importlib.import_module(f"transit_server.formats.libraries.{module}")
            return cast(_Loads, formats).load(source)
    except (UnsupportedModel, NotCompiled, ModelStoreError, MemoryError):
        raise
    except ImportError as error:
        raise Unreadable(
            f"{name} needs a library that is not in this image: {first_line(error)}"
        ) from error
    except Exception as error:  # each library has its own
        found = format_of(source.path)
        what = f" as {IN_WORDS[found]}" if found is not None else ""
        raise Unreadable(
            f"{name} can't be opened{what}: {first_line(error)}. It is damaged, or written by "
            "another version of its library than the one that is here: open it where it was "
            "trained, save it again there, and publish that as a new version"
        ) from error
