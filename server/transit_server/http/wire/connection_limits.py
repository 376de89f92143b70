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
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from transit_server.http.wire.connection import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds. `patience` is for a head, from its first byte or from the opening; for the rest
    of a body whose answer is written; and for an answer that isn't taken. `keep_alive` is for the
    time between two requests.
    """

    keep_alive: float = 3900.0
    connections: int = 4096
    patience: float = 30.0
    look_every: float = 1.0


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
        self._idle: dict[Connection, None] = {}  # in the order in which they became so
        self._timer: asyncio.TimerHandle | None = None
        self._complained = 0.0
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
        """Whether there is room for it. One that has been idle longest makes room."""
        if len(self._open) >= self.limits.connections and not self._make_room():
            return False
        self._open.add(connection)
        if self._timer is None:
            self._wake(asyncio.get_running_loop())
        return True

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        """It waits for a request."""
        self._idle[connection] = None

    def busy(self, connection: Connection) -> None:
        """It has begun one."""
        self._idle.pop(connection, None)

    def common_headers(self, state: ServerState) -> bytes:
        """Those of every answer; uvicorn makes a new list every second, for the date."""
        if self._common[0] is not state.default_headers:
            lines = b"".join(b"%b: %b\r\n" % header for header in state.default_headers)
            self._common = state.default_headers, lines
        return self._common[1]

    def _make_room(self) -> bool:
        now = time.monotonic()
        if now - self._complained > 1.0:
            self._complained = now
            log.warning(
                "%d connections are open, which is the limit: those that are idle make room",
                len(self._open),
            )
        oldest = next(iter(self._idle), None)
        if oldest is None:
            return False
        self.closed(oldest)
        oldest.abandon()
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
