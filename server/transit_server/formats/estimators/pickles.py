"""Opens pickles: one at a time, and with what their libraries say meanwhile.

Libraries are imported while a pickle is opened, and two threads that import one library's modules
at once may see half of them. So whatever opens or imports anything holds `LOADING`.
"""

import pickletools
import re
import sys
import threading
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transit_server.formats.base import Unreadable, first_line

LOADING = threading.RLock()

_VERSION = re.compile(r"\d+\.\d+(\.\w+)*")
_SCANNED = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in a pickle; `written_by` is a library's version that the pickle tells of, if it is
    another than the one here.
    """

    thing: Any
    written_by: dict[str, str]


def opened(path: Path) -> Opened:
    """Runs code: only for files that were verified. Raises `Unreadable`, or whatever the
    pickle raises.
    """
    with LOADING, warnings.catch_warnings(record=True) as caught:
        import joblib  # 30 ms that a child which opens no pickle does not need

        warnings.simplefilter("always")
        try:
            try:
                thing = joblib.load(path)
            except (ImportError, AttributeError, ValueError):
                if find_spec("sklearn") is None:
                    raise
                from transit_server.formats.estimators.older import older_names

                caught.clear()
                with older_names():
                    thing = joblib.load(path)
        except (ImportError, AttributeError) as error:
            raise Unreadable(
                f"{path.name} needs what is not here: {first_line(error)}{_versions(path)}. Put "
                "the package into an image of your own, or save it in its library's own format"
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise Unreadable(
                f"{path.name} can't be opened: {first_line(error)}{_versions(path)}. "
                "Save it again with the version that is here"
            ) from error
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
