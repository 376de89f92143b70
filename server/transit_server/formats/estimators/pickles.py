"""Opens pickles: one at a time, and with what their libraries say meanwhile.

Libraries are imported while a pickle is opened, and two threads that import one library's modules
at once may see half of them. So whatever opens or imports anything holds `LOADING`.
"""

import pickletools
import re
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transit_models.errors import NotAModel
from transit_models.first_bytes import is_cut_off
from transit_server.formats.base import Unreadable, first_line

LOADING = threading.RLock()

_VERSION = re.compile(r"\d+\.\d+(\.\w+)*")
_SCANNED = 64 * 2**20
_NAMED = re.compile(r"Can't get attribute ('\w+')")
_ENDS_EARLY = (
    *("EOF: reading array data", "ended before the end-of-stream"),
    *("pickle data was truncated", "incomplete or truncated stream"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in a pickle; `written_by` is a library's version that the pickle tells of, if it is
    another than the one here.
    """

    thing: Any
    written_by: dict[str, str]


def opened(path: Path) -> Opened:
    """Runs code: only for files that were verified. Raises `Unreadable`, `NotAModel`."""
    return heard(lambda: _loaded(path))


def heard(load: Callable[[], Any]) -> Opened:
    """What `load` gives, and what scikit-learn says meanwhile of the version that wrote it."""
    with LOADING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thing = load()
    written: dict[str, str] = {}
    for warning in caught:
        original = getattr(warning.message, "original_sklearn_version", None)
        if original is not None:
            written["scikit-learn"] = str(original)
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    if "sklearn" in sys.modules:
        from transit_server.formats.estimators.older import mended

        thing = mended(thing)
    return Opened(thing, written)


def _loaded(path: Path) -> Any:
    import joblib  # 30 ms that a child which opens no pickle does not need

    try:
        try:
            return joblib.load(path)
        except (ImportError, AttributeError, ValueError):
            if is_cut_off(path) or find_spec("sklearn") is None:
                raise
            from transit_server.formats.estimators.older import older_names

            with older_names():
                return joblib.load(path)
    except MemoryError:
        raise
    except Exception as error:  # a pickle may raise anything
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> Exception:
    said = first_line(error)
    if is_cut_off(path) or any(words in said for words in _ENDS_EARLY):
        return NotAModel(
            f"{path.name} is cut off: {said}. Copy it again from where it was saved, whole"
        )
    found = _NAMED.match(said)
    if found is not None and repr(sys.modules["__main__"]) in str(error):
        return Unreadable(
            f"{path.name} needs {found[1]}, a class or function of the script that saved it: move "
            "it into a module, save the model again, and put the module into an image of your own"
        )
    if isinstance(error, ImportError | AttributeError):
        return Unreadable(
            f"{path.name} needs what is not here: {said}{_versions(path)}. Put the package into an "
            "image of your own, or save it in its library's own format"
        )
    kind = "" if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: "
    return Unreadable(
        f"{path.name} can't be opened: {kind}{said}{_versions(path)}. Save it again with the "
        "version that is here, or as ONNX where it was trained"
    )


def _versions(path: Path) -> str:
    """', written by scikit-learn 1.2.2, run by 1.9.1', if the file tells without being opened."""
    found = written_by(path)
    try:
        here = version("scikit-learn")
    except PackageNotFoundError:
        return ""
    return f" (written by scikit-learn {found}, run by {here})" if found else ""


def written_by(path: Path) -> str | None:
    """The version of scikit-learn that a plain pickle names, without running any of it."""
    try:
        if path.stat().st_size > _SCANNED:
            return None
        awaited = False
        for _, argument, _ in pickletools.genops(path.read_bytes()):
            if argument == "_sklearn_version":
                awaited = True
            elif awaited and isinstance(argument, str) and _VERSION.fullmatch(argument):
                return argument
    except Exception:  # compressed, or no pickle at all
        return None
    return None
