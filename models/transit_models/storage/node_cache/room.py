"""Room for one more version: those that were used least recently go, and what the dead have left.

Neighbours: `cache` asks before it writes anything, and has the names.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

GONE = ".gone-"


class NoRoom(Exception):
    """The version can't be kept: the message says why."""


class _Kept(NamedTuple):
    used: float
    path: Path
    size: int


def make_room(
    entries: list[Path], parts: list[Path], abandoned: Callable[[Path], bool], size: int, limit: int
) -> None:
    """Remove as little as will do. `parts` are being written, unless they are `abandoned`.

    Raises `NoRoom`, and `OSError` for what can't be removed.
    """
    if size > limit:
        raise NoRoom(f"{size} bytes are more than the cache may have ({limit})")
    there = 0
    for part in parts:  # of one that was killed, or is at work
        if abandoned(part):
            remove(part)
        else:
            there += _size(part)
    kept = sorted(found for entry in entries if (found := _kept(entry)) is not None)
    there += sum(found.size for found in kept)
    for found in kept:
        if there + size <= limit:
            break
        remove(found.path)
        there -= found.size
    if there + size > limit:
        raise NoRoom(f"{there} bytes of other versions are just being written")


def remove(path: Path) -> None:
    """Take it away at once and whole for everybody who looks; who reads a file of it goes on.

    Raises `OSError`.
    """
    out = Path(tempfile.mkdtemp(prefix=GONE, dir=path.parent))
    with suppress(FileNotFoundError):  # somebody was faster
        path.rename(out / "it")
    shutil.rmtree(out, onerror=_unless_gone)


def _unless_gone(_call: object, _path: str, failure: tuple[object, object, object]) -> None:
    """Raise what kept a file from being removed; another pod may remove the same."""
    error = failure[1]
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        raise error


def _kept(entry: Path) -> _Kept | None:
    try:
        return _Kept(entry.stat().st_mtime, entry, _size(entry))
    except FileNotFoundError:
        return None


def _size(directory: Path) -> int:
    """What the files in it have, or will have. None of ours is in a directory below."""
    try:
        return sum(file.lstat().st_size for file in directory.iterdir())
    except FileNotFoundError:
        return 0
