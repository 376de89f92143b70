"""The process above the workers: starts them, watches them, passes signals on, ends when they have.

A worker is replaced by nobody but Kubernetes. When one ends, or its event loop stands still for
too long, the others are drained and the supervisor ends with 1, so that the container is started
anew as a whole. It imports none of the server's libraries, has one thread, and writes to standard
error, the termination log and a private folder only.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from transit_server import logs
from transit_server.cpus import available_cpus
from transit_server.last_words import LastWords
from transit_server.settings import Settings
from transit_server.workers.contract import BEAT, SHOW_STACKS, listener, socket_of, words_of

log = logging.getLogger(__name__)

# As long as the kubelet lets liveness fail: six times, ten seconds apart.
SILENCE = 60.0
_STACKS_WITHIN = 2.0
_LONGEST_SOCKET = 107
_MODULE = "transit_server.workers.worker"
# A worker that is told to end before it can hear ends by the signal; it has accepted nothing yet.
_IN_ORDER = (0, -signal.SIGTERM, -signal.SIGINT)
# Libraries that start a thread for each processor of the node, unless these say otherwise.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(eq=False)
class _Member:
    """One worker. `heard` is when its loop last ran, or when it was started."""

    name: str
    process: subprocess.Popen[bytes]
    pipe: int
    words: Path
    heard: float
    ended: bool = False
    asked_for_stacks: float | None = None


class Supervisor:
    """Runs `settings.workers` workers, and kills one whose event loop stands still for `silence`
    seconds.
    """

    def __init__(self, settings: Settings, silence: float = SILENCE) -> None:
        self._settings = settings
        self._silence = silence
        self._signals: list[int] = []
        self._members: list[_Member] = []
        self._stopping = False
        self._failure = ""

    def run(self) -> int:
        """Until all workers have ended; the exit code."""
        logs.start(self._settings.log_level)
        words = LastWords(self._settings.termination_log)
        try:
            reserved = _reserve(self._settings)
        except OSError as error:
            address = f"{self._settings.host}:{self._settings.port}"
            words.say(f"transit-server: can't listen on {address}: {error.strerror}")
            return 1
        with reserved, tempfile.TemporaryDirectory(prefix="transit-") as name:
            folder = Path(name)
            if len(socket_of(folder, self._settings.workers)) > _LONGEST_SOCKET:
                words.say(f"transit-server: TMPDIR is too long for sockets: {folder.parent}")
                return 1
            with selectors.DefaultSelector() as selector, _woken_by_signals(self._note) as wake:
                selector.register(wake, selectors.EVENT_READ)
                for index in range(self._settings.workers):
                    self._members.append(self._started(index, folder, reserved.getsockname()[1]))
                    selector.register(self._members[-1].pipe, selectors.EVENT_READ)
                self._watch(selector, wake)
        if self._failure:
            words.say(self._failure)
            return 1
        return 0

    def _note(self, number: int, _frame: object) -> None:
        self._signals.append(number)

    def _started(self, index: int, folder: Path, port: int) -> _Member:
        reading, writing = os.pipe()
        threads = str(available_cpus())
        environment = {
            **dict.fromkeys(_THREADS, threads),
            **os.environ,
            "TRANSIT_PORT": str(port),
        }
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", _MODULE, str(index), str(folder), str(writing)],
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[writing],
            process_group=0,  # Ctrl+C comes here only, and is passed on
        )
        os.close(writing)
        os.set_blocking(reading, False)
        return _Member(
            name=f"worker {index + 1} of {self._settings.workers}",
            process=process,
            pipe=reading,
            words=words_of(folder, index),
            heard=time.monotonic(),
        )

    def _watch(self, selector: selectors.BaseSelector, wake: socket.socket) -> None:
        while not all(member.ended for member in self._members):
            ready = {key.fd for key, _ in selector.select(BEAT)}
            if wake.fileno() in ready:
                wake.recv(4096)
            for member in self._members:
                if member.pipe in ready:
                    self._hear(member, selector)
            for number in self._taken():
                self._tell(number)
            for member in self._members:
                if not member.ended:
                    self._look(member)

    def _taken(self) -> list[int]:
        taken, self._signals = self._signals, []
        return [number for number in taken if number != signal.SIGCHLD]

    def _hear(self, member: _Member, selector: selectors.BaseSelector) -> None:
        if os.read(member.pipe, 4096):
            member.heard = time.monotonic()
        else:  # its end is closed: it has ended, and SIGCHLD says how
            selector.unregister(member.pipe)

    def _tell(self, number: int) -> None:
        """Pass a signal on. The workers drain; a second interrupt ends them at once."""
        self._stopping = True
        for member in self._members:
            if not member.ended:
                member.process.send_signal(number)

    def _look(self, member: _Member) -> None:
        code = member.process.poll()
        if code is not None:
            member.ended = True
            if not (self._stopping and code in _IN_ORDER):
                self._failed(member, _ending(code))
            return
        now = time.monotonic()
        if now - member.heard < self._silence:
            return
        if member.asked_for_stacks is None:
            log.error("%s has not moved for %g s", member.name, self._silence)
            member.asked_for_stacks = now
            member.process.send_signal(SHOW_STACKS)
        elif now - member.asked_for_stacks > _STACKS_WITHIN:
            member.process.kill()

    def _failed(self, member: _Member, how: str) -> None:
        """Remember why, and drain the others."""
        if member.asked_for_stacks is not None:
            how = f"was killed, because it had not moved for {self._silence:g} s"
        log.error("%s %s", member.name, how)
        if not self._failure:
            said = member.words.read_text() if member.words.exists() else ""
            self._failure = said.strip() or f"transit-server: {member.name} {how}"
            # Now, and again as the last line: the container may be killed while others drain.
            LastWords(self._settings.termination_log).in_case(self._failure)
        if not self._stopping:
            self._tell(signal.SIGTERM)


def _reserve(settings: Settings) -> socket.socket:
    """The server's address, bound but not listening, so that its workers can bind it beside. Raises
    `OSError` when somebody has it, also another server that would share it.
    """
    with listener(settings.host, settings.port, shared=False) as alone:
        port = alone.getsockname()[1]
    return listener(settings.host, port)


@contextlib.contextmanager
def _woken_by_signals(note: "signal._HANDLER") -> Iterator[socket.socket]:
    """A socket that can be read when a signal has come."""
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        before = {number: signal.signal(number, note) for number in numbers}
        try:
            yield reading
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}" if code else "ended without being asked"
