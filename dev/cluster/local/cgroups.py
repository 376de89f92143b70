"""Control groups of our own: one for the daemons, one a node for its pods.

Membership is inherited, so whatever a daemon or a pod starts stays findable, and `down` can end
exactly that and nothing else. Works with version 1 (also hybrid) and version 2.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from .. import shape

ROOT = Path("/sys/fs/cgroup")
# Version 1: the hierarchy that only marks daemons. One without limits, so nothing is moved away
# from what the machine accounts for.
MARKER = "pids"
UNIFIED = "unified"  # where version 2 is mounted beside version 1
# What all pods together weigh beside each session and daemon of the machine, which is 1,024 in
# version 1 and 100 in version 2: a busy compiler must not starve them. Between them their requests
# decide.
WEIGHTS = {"cpu.shares": "8192", "cpu.weight": "800"}


def is_v2() -> bool:
    """Whether the machine has the unified hierarchy only."""
    return (ROOT / "cgroup.controllers").exists()


def create() -> None:
    """Make the groups of the daemons and of each node."""
    for hierarchy in _hierarchies():
        if hierarchy.name == UNIFIED:  # container runtimes make theirs there themselves
            continue
        _make(hierarchy / shape.CGROUP)
        _weigh(hierarchy / shape.CGROUP)
        for node in shape.NODES:
            _make(hierarchy / node.cgroup)
    daemon_group().mkdir(parents=True, exist_ok=True)


def daemon_group() -> Path:
    """The group whose `cgroup.procs` a daemon joins."""
    return (ROOT if is_v2() else ROOT / MARKER) / shape.CGROUP / "daemons"


def members() -> set[int]:
    """Processes in any of our groups."""
    found: set[int] = set()
    for hierarchy in _hierarchies():
        for file in _tree(hierarchy / shape.CGROUP):
            try:
                found.update(int(pid) for pid in (file / "cgroup.procs").read_text().split())
            except OSError:
                continue
    return found


def kill_members(seconds: float = 15.0) -> set[int]:
    """End whatever is left in our groups; the processes that would not go."""
    deadline = time.monotonic() + seconds
    while (left := members()) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
    return members()


def remove() -> None:
    """Take our groups away, innermost first. Those that still hold a process stay."""
    for hierarchy in _hierarchies():
        for folder in _tree(hierarchy / shape.CGROUP):
            try:
                folder.rmdir()
            except OSError:
                continue


def _hierarchies() -> list[Path]:
    if is_v2():
        return [ROOT]
    # cpu and cpuacct are often links to one folder
    folders = {entry.resolve() for entry in ROOT.iterdir() if entry.is_dir()}
    return sorted(folder for folder in folders if (folder / "cgroup.procs").exists())


def _make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in ("cpuset.cpus", "cpuset.mems"):  # version 1 leaves these empty, and no one may join
        file = folder / name
        if file.exists() and not is_v2() and not file.read_text().strip():
            file.write_text((folder.parent / name).read_text())
    if is_v2():
        wanted = (folder.parent / "cgroup.controllers").read_text().split()
        for controller in wanted:
            try:
                (folder.parent / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:
                continue


def _weigh(folder: Path) -> None:
    for name, weight in WEIGHTS.items():
        if (folder / name).exists():
            (folder / name).write_text(weight)


def _tree(folder: Path) -> Iterator[Path]:
    """The folder and all below it, innermost first."""
    for path, _, _ in os.walk(folder, topdown=False):
        yield Path(path)
