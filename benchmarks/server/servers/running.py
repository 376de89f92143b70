"""A contestant as a process: started, waited for, checked, stopped with all its children."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Self

from benchmarks.server.servers.contestant import PEERS, QUIET, THREADS, Contestant, Place

ROOT = Path(__file__).parents[3]
_READY = 120.0
_END = 10.0


class DoesNotRun(Exception):
    """A contestant can't be measured; the message says why, with the end of its log."""


class Running:
    """A server between `start` and `stop`, in a process group of its own."""

    def __init__(self, contestant: Contestant, python: Path, place: Place) -> None:
        self.contestant = contestant
        self.url = f"http://127.0.0.1:{place.port}"
        self.path = contestant.path.format(model=place.model.name)
        self._place = place
        self._log = place.folder / "log"
        model = place.model.directory(place.store).resolve()
        self._command = [str(python), *contestant.command(place)]
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **THREADS,
            **QUIET,
            "PYTHONPATH": _path(contestant),
            "BENCH_PORT": str(place.port),
            "BENCH_KIND": place.model.kind,
            "BENCH_MODEL": str(model),
            **contestant.variables(place),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    def start(self) -> Self:
        self._output = self._log.open("wb")
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=self._place.folder,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def until_answers(self, row: str) -> list[float]:
        """The probabilities for `row`, as soon as it gives some. Raises `DoesNotRun`."""
        end = time.monotonic() + _READY
        why = "it never listened"
        while time.monotonic() < end:
            assert self._process is not None
            if self._process.poll() is not None:
                raise DoesNotRun(f"it ended with code {self._process.returncode}: {self._tail()}")
            try:
                return self.ask(row)
            except urllib.error.HTTPError as error:
                why = f"status {error.code}: {error.read()[:300].decode(errors='replace')}"
            except OSError as error:
                why = str(error)
            time.sleep(0.1)
        raise DoesNotRun(f"no answer within {_READY:g} s, last: {why}: {self._tail()}")

    def ask(self, row: str) -> list[float]:
        """The probabilities for one row. Raises `OSError`, `HTTPError` among them."""
        request = urllib.request.Request(  # noqa: S310 - http, see `url`
            self.url + self.path,
            data=self.contestant.body(row),
            headers=dict(self.contestant.headers),
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return self.contestant.answer(answer.read())

    def cpu_seconds(self) -> float:
        """Processor time so far of the server and of all its processes that still run."""
        return sum(self._processes().values()) / os.sysconf("SC_CLK_TCK")

    def pause(self) -> None:
        """Stop all its processes where they are, so that they take no processor time."""
        for pid in self._processes():
            _signalled(os.kill, pid, signal.SIGSTOP)

    def resume(self, row: str) -> None:
        """Let them go on, and answer once. Raises `DoesNotRun`."""
        for pid in self._processes():
            _signalled(os.kill, pid, signal.SIGCONT)
        self.until_answers(row)

    def _processes(self) -> dict[int, int]:
        """The server's process and all below it, with their processor time in ticks."""
        ticks: dict[int, int] = {}
        children: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            pid = int(stat.parent.name)
            children.setdefault(int(fields[1]), []).append(pid)
            ticks[pid] = int(fields[11]) + int(fields[12])
        left, found = [self.pid], {}
        while left:
            pid = left.pop()
            found[pid] = ticks.get(pid, 0)
            left += children.get(pid, [])
        return found

    def stop(self) -> None:
        """End the whole process group: politely, then what is left of it."""
        if self._process is not None:
            for pid in self._processes():  # what is stopped can't end
                _signalled(os.kill, pid, signal.SIGCONT)
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END)
            self._signal(signal.SIGKILL)
            self._process.wait()
        if self._output is not None:
            self._output.close()

    def _signal(self, how: signal.Signals) -> None:
        _signalled(os.killpg, self.pid, how)

    def _tail(self) -> str:
        return self._log.read_text(errors="replace").strip()[-500:]


def _signalled(kill: Callable[[int, int], None], number: int, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended, or nobody of the group is left
        kill(number, how)


def _path(contestant: Contestant) -> str:
    """Peers get their own code, and the package that the models' preprocessing is of."""
    own: Sequence[Path] = [ROOT / "server", ROOT / "models"]
    peers = [PEERS, ROOT / "models"]
    return os.pathsep.join(str(path) for path in (own if contestant.kind == "own" else peers))


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that are free now."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
        if all(_is_free(port + offset) for offset in range(count)) and port + count < 65536:
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def own_python() -> Path:
    return Path(sys.executable)
