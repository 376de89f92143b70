"""Folders that one makes and another reads: who may, and where a publisher makes a version.

Servers are another user than the publisher, whose umask may keep others out; models are no secret.
Neighbour: `local`.
"""

import re
import stat
from pathlib import Path

_ADDED = re.compile(r"[a-z0-9_]+")  # by `tempfile`


def let_read(path: Path) -> None:
    """Let everybody read it, whatever else is allowed already."""
    mode, needed = path.stat().st_mode, 0o755 if path.is_dir() else 0o644
    if mode & needed != needed:
        path.chmod(stat.S_IMODE(mode) | needed)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        let_read(path)


def scratch_of(target: Path) -> str:
    """How the names of the folders begin in which a version is made, beside its own."""
    return f".publish-{target.name}-"


def scratches_of(target: Path) -> list[Path]:
    """Those that publishers have left; the name of another version's may begin alike."""
    begins = scratch_of(target)
    return [
        path
        for path in target.parent.glob(f"{begins}*")
        if _ADDED.fullmatch(path.name.removeprefix(begins))
    ]
