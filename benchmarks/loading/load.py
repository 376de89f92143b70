"""One model, loaded once by a server process of its own, and what that took."""

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkout import python_path
from benchmarks.server.servers.contestant import QUIET, THREADS
from benchmarks.server.servers.running import free_ports, own_python

_READY = 300.0
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Load:
    """`load_s` is the model alone, as the server says; the rest is of the process from its start
    until it is ready: time, processor time with all children, the memory that the server has had at
    most, and that of the largest process, which may be a child that compiles.
    """

    load_s: float
    ready_s: float
    cpu_s: float
    server_mb: float
    largest_mb: float
    engine: str


class NotServed(Exception):
    """The server refuses the model; the message is its own."""


def load(code: Path, store: Path, name: str, version: str, folder: Path) -> Load:
    """Raises `NotServed`. `folder` is empty, and used up."""
    port = free_ports(2)
    with (folder / "log").open("wb") as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(own_python()), "-m", "transit_server.main"],
            env=_environment(code, store, name, version, folder, port),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        largest, cpu, server_mb = 0, 0.0, 0.0
        try:
            about = _once_it_serves(process, port, name)
            seconds = time.perf_counter() - start
            if about is not None:
                server_mb = _peak_mb(process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
                _, code_left, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(code_left)
                largest, cpu = used.ru_maxrss, used.ru_utime + used.ru_stime
    if about is None:
        raise NotServed(_told(folder).replace(f"{store.parent}{os.sep}", ""))
    return Load(
        load_s=float(str(about["load_time_seconds"])),
        ready_s=seconds,
        cpu_s=cpu,
        server_mb=server_mb,
        largest_mb=largest / 1024,
        engine=str(about["engine"]),
    )


def _environment(
    code: Path, store: Path, name: str, version: str, folder: Path, port: int
) -> Mapping[str, str]:
    return {
        **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
        **THREADS,
        **QUIET,
        "PYTHONPATH": python_path(code),
        "TRANSIT_MODELS": json.dumps([{"name": name, "version": version}]),
        "TRANSIT_STORAGE_URI": store.resolve().as_uri(),
        "TRANSIT_HOST": "127.0.0.1",
        "TRANSIT_PORT": str(port),
        "TRANSIT_PROBE_PORT": str(port + 1),
        "TRANSIT_CACHE_DIR": str(folder / "cache"),
        "TRANSIT_TERMINATION_LOG": str(folder / "termination-log"),
        "TRANSIT_DRAIN_DELAY": "0s",
    }


def _once_it_serves(
    process: "subprocess.Popen[bytes]", port: int, name: str
) -> dict[str, object] | None:
    """What it says of the model; None when it ended instead, as it does when it can't serve it."""
    url = f"http://127.0.0.1:{port}/api/v1/models/{name}/info"
    end = time.monotonic() + _READY
    while time.monotonic() < end and process.poll() is None:
        # Before that it doesn't listen, or knows no such model.
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=20) as answer:
            said: dict[str, object] = json.loads(answer.read())
            return said
        time.sleep(_PAUSE)
    return None


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _told(folder: Path) -> str:
    termination = folder / "termination-log"
    said = termination.read_text(errors="replace").strip() if termination.is_file() else ""
    return (said or (folder / "log").read_text(errors="replace").strip())[-300:]
