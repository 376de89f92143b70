"""Long-running processes: started into their own session, recorded, and ended by what was recorded.

A record is the process id, its start time and the boot it belongs to: a process id that was given
to another program since, or that comes from before a reboot, is never touched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import paths
from ..ui import StepFailed
from . import cgroups


@dataclass(frozen=True)
class Daemon:
    """What to run. `files` are written before the start (path -> text)."""

    name: str
    argv: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A process that was started."""

    name: str
    pid: int
    started: int
    boot: str

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.boot == _boot() and _start_time(self.pid) == self.started


def log_of(name: str) -> Path:
    """Where a daemon's output goes."""
    return paths.state() / "logs" / f"{name}.log"


def start(daemon: Daemon) -> None:
    """Write its files, start it, record it. One that runs already is left alone."""
    if (known := records().get(daemon.name)) and known.alive:
        return
    for path, text in daemon.files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    log = log_of(daemon.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    # A sixth of the API server's processor time is garbage collection; memory is cheaper here.
    environment = {**os.environ, "GOGC": "400"}
    # the shell joins the group and becomes the daemon, so that no child can slip out in between
    join = f'echo $$ > {cgroups.daemon_group()}/cgroup.procs && exec "$@"'
    with log.open("ab") as sink:
        process = subprocess.Popen(
            ["/bin/sh", "-c", join, daemon.name, *daemon.argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env=environment,
        )
    started = _start_time(process.pid)
    if started is None:
        raise StepFailed(f"{daemon.name} ended at once", log)
    record = Record(daemon.name, process.pid, started, _boot())
    _folder().mkdir(parents=True, exist_ok=True)
    (_folder() / f"{daemon.name}.json").write_text(json.dumps(asdict(record)))


def records() -> dict[str, Record]:
    """Every process that was started and not yet stopped, alive or not."""
    found: dict[str, Record] = {}
    for file in sorted(_folder().glob("*.json")):
        try:
            record = Record(**json.loads(file.read_text()))
        except (ValueError, TypeError):
            continue
        found[record.name] = record
    return found


def require_alive(name: str) -> None:
    """Fail with the daemon's own last words when it has ended."""
    record = records().get(name)
    if record is None or not record.alive:
        raise StepFailed(f"{name} is not running", log_of(name))


def stop(names: Iterable[str], seconds: float = 3.0) -> None:
    """Ask them all to end, then insist."""
    known = records()
    chosen = [known[name] for name in names if name in known]
    for wanted, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        for record in chosen:
            if record.alive:
                os.kill(record.pid, wanted)
        deadline = time.monotonic() + patience
        while any(record.alive for record in chosen) and time.monotonic() < deadline:
            time.sleep(0.05)
    for record in chosen:
        (_folder() / f"{record.name}.json").unlink(missing_ok=True)


def _folder() -> Path:
    return paths.state() / "processes"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> int | None:
    """Clock ticks since boot at which the process began; nothing for one that has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
