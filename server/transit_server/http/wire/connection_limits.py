"""What clients may take of a server besides its answers: how many connections, how long each may
do nothing, and how much may stand around a body.

`Connections` is what uvicorn makes protocols with: it holds every `Connection` of one listener, and
looks at all of them now and then, since a timer for each request would cost more than reading it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from transit_server.http.wire.connection import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds. `patience` is for a head, from its first byte or from the opening; for the rest
    of a body whose answer is written; and for an answer that isn't taken. `keep_alive` is for the
    time between two requests. `untaken` is the most bytes of all such answers together.
    """

    keep_alive: float = 3900.0
    connections: int = 4096
    patience: float = 30.0
    look_every: float = 1.0
    untaken: int = 256 * 2**20


class Connections:
    """All connections of one listener. `refused` is told the status of each answer that no route
    has given.
    """

    def __init__(
        self, limits: Limits, refused: Callable[[int], None] = lambda status: None
    ) -> None:
        self.limits = limits
        self.refused = refused
        self._open: set[Connection] = set()
        # Those that make room for new ones, in the order in which they became so.
        self._idle: dict[Connection, None] = {}
        self._beginning: dict[Connection, None] = {}
        self._owing: dict[Connection, None] = {}
        self._untaken: dict[Connection, int] = {}  # bytes of an answer
        self._untaken_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._complained: dict[str, float] = {}
        self._common: tuple[object, bytes] = None, b""

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection:
        """A protocol for a new connection, as uvicorn asks for it."""
        return Connection(config.loaded_app, self, server_state, app_state)

    def opened(self, connection: Connection) -> bool:
        """Whether there is room for it. One that has been idle longest makes room; where none is,
        the one whose head, then whose body has been coming longest, then whose answer isn't taken.
        """
        if len(self._open) >= self.limits.connections and not self._make_room():
            return False
        self._open.add(connection)
        if self._timer is None:
            self._wake(asyncio.get_running_loop())
        return True

    def closed(self, connection: Connection) -> None:
        """It is gone, or as good as that: nothing that it still says counts."""
        self._open.discard(connection)
        self.busy(connection)
        self._count(connection, 0)

    def idle(self, connection: Connection) -> None:
        """It waits for a request."""
        if connection not in self._open:
            return
        self._owing.pop(connection, None)
        self._idle[connection] = None

    def beginning(self, connection: Connection) -> None:
        """The head of a request is coming, and nothing else is under way."""
        if connection not in self._open:
            return
        self._idle.pop(connection, None)
        self._owing.pop(connection, None)
        self._beginning[connection] = None

    def owing(self, connection: Connection) -> None:
        """The body of its request is coming, and nothing can be done before that."""
        if connection in self._open:
            self._owing[connection] = None  # one that is known keeps its place

    def busy(self, connection: Connection) -> None:
        """It has a request, or all of one."""
        self._idle.pop(connection, None)
        self._beginning.pop(connection, None)
        self._owing.pop(connection, None)

    def untaken(self, connection: Connection, size: int) -> None:
        """So much of its answer isn't taken yet. Where that of all together is beyond the limit,
        those that have been so for longest are cut; one alone may be as large as it is.
        """
        if connection not in self._open:
            return
        self._count(connection, size)
        while self._untaken_bytes > self.limits.untaken and len(self._untaken) > 1:
            text = f"{self._untaken_bytes} bytes of answers, and the slowest clients are cut"
            self.complain("unread beyond the limit", text)
            next(iter(self._untaken)).cut()

    def common_headers(self, state: ServerState) -> bytes:
        """Those of every answer; uvicorn makes a new list every second, for the date."""
        if self._common[0] is not state.default_headers:
            lines = b"".join(b"%b: %b\r\n" % header for header in state.default_headers)
            self._common = state.default_headers, lines
        return self._common[1]

    def complain(self, kind: str, text: str) -> None:
        """In the log, which no client shall fill: a line of each kind in a second."""
        now = time.monotonic()
        if now - self._complained.get(kind, 0.0) > 1.0:
            self._complained[kind] = now
            log.warning("%s: %s", kind, text)

    def _count(self, connection: Connection, size: int) -> None:
        self._untaken_bytes += size - self._untaken.get(connection, 0)
        if size:
            self._untaken[connection] = size  # one that is known keeps its place
        else:
            self._untaken.pop(connection, None)

    def _make_room(self) -> bool:
        text = f"{len(self._open)} are open, and those that wait for their clients make room"
        self.complain("as many connections as there may be", text)
        waiting = chain(self._idle, self._beginning, self._owing, self._untaken)
        oldest = next(waiting, None)
        if oldest is None:
            return False
        oldest.cut()
        return True

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self.limits.look_every, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for connection in list(self._open):
            connection.look(now)
        self._timer = None
        if self._open:
            self._wake(loop)
