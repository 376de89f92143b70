"""HTTP/1.1 on one connection: bytes in, exactly one answer for each request, in their order.

`request_reader` makes an `exchange` of each request, and the application answers it.
`connection_limits` makes connections, and says how long they may wait for what. Of anything that
can't be understood the client is told why, and the connection is closed: nothing that comes behind
it is taken for a request.
"""

import asyncio
import logging
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from uvicorn.server import ServerState

from transit_server.http.wire.exchange import Exchange, refusal
from transit_server.http.wire.head import Unreadable
from transit_server.http.wire.request_reader import RequestReader

if TYPE_CHECKING:
    from transit_server.http.wire.connection_limits import Connections

log = logging.getLogger(__name__)

_MOST_WAITING = 64  # requests that were sent without waiting for answers
_LINGER = 2.0  # seconds for a client to take the last answer, before what it still sends resets it


class Connection(asyncio.Protocol):
    """As uvicorn wants a protocol: it calls `shutdown` when the server ends, and then waits until
    `state.connections` is empty.
    """

    def __init__(
        self, app: Any, all_of_them: "Connections", state: ServerState, app_state: dict[str, Any]
    ) -> None:
        self._app = app
        self._all = all_of_them
        self._limits = all_of_them.limits
        self._state = state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._reader = RequestReader(self, app_state)
        self._answering: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._refusal: bytes | None = None  # to be written when all before it is answered
        self._since = 0.0  # what is waited for now
        self._deaf = False  # nothing that comes is looked at
        self._last = False  # no request after those that have come
        self._paused = False
        self._full = False  # the client doesn't take what is written
        self._unread = 0  # bytes of it, when that was last looked at

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._since = time.monotonic()
        if not self._all.opened(self):
            self._all.refused(503)
            text = "too many connections are open"
            self._transport.write(refusal(503, "too_many_connections", text))
            self.abandon()
            return
        self._state.connections.add(cast(Any, self))
        # What has gone to the system and isn't taken there ends the connection as well.
        patience = int(self._limits.patience * 1000)
        link: socket.socket = transport.get_extra_info("socket")
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
        self._all.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deaf = True
        self._all.closed(self)
        self._state.connections.discard(cast(Any, self))
        for exchange in (self._reader.coming, self._answering, *self._waiting):
            if exchange is not None:
                exchange.leave()
        self._waiting.clear()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._all.untaken(self, 0)
        self._next()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        wrong = self._reader.feed(data)
        if wrong is not None:
            self._refuse(wrong)

    # What the reader says.

    def head_begins(self) -> None:
        if self._answering is None:
            self._since = time.monotonic()
            self._all.beginning(self)

    def head_is_complete(self, exchange: Exchange) -> None:
        self._all.busy(self)
        if self._last:
            exchange.leave()
        elif self._answering is None and not self._full:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self.pause_reading()
            if len(self._waiting) == _MOST_WAITING:
                self._last, exchange.may_stay = True, False

    def pause_reading(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def rest(self) -> None:
        """Both sides are through with a request."""
        if self._answering is not None or self._deaf:
            return
        if self._reader.begun:
            self._all.beginning(self)
        else:
            self._all.idle(self)

    # What exchanges say.

    @property
    def common_headers(self) -> bytes:
        """Those of every answer."""
        return self._all.common_headers(self._state)

    def body_is_owed(self) -> None:
        """The body of the request that is answered is waited for."""
        self._all.owing(self)

    def body_is_complete(self) -> None:
        """It has come."""
        self._all.busy(self)

    def write(self, data: bytes) -> None:
        """Write what is no answer yet."""
        self._transport.write(data)

    def answered(self, exchange: Exchange, answer: bytes) -> None:
        """Write the answer of the exchange that was started last."""
        self._transport.write(answer)
        if self._full:
            self._all.untaken(self, self._transport.get_write_buffer_size())
        self._state.total_requests += 1
        self._answering = None
        self._since = time.monotonic()
        through = self._last and not self._waiting and self._refusal is None
        if through or not exchange.may_stay:
            self._close()
            return
        if self._waiting or self._refusal is not None:
            self._next()
        elif exchange.complete:
            self.rest()
        else:
            self._all.owing(self)
        self.resume_reading()

    def resume_reading(self) -> None:
        if self._paused and not self._waiting:
            self._paused = False
            self._transport.resume_reading()

    # What the server says.

    def shutdown(self) -> None:
        """No more requests; those that have come are answered."""
        self._last = True
        last = self._waiting[-1] if self._waiting else self._answering
        if last is None:
            self._close()
        else:
            last.may_stay = False

    def look(self, now: float) -> None:
        """Give up what has been waited for too long."""
        if self._answering is not None:
            return  # which has a limit of its own
        unread = self._transport.get_write_buffer_size()
        if self._full:
            self._all.untaken(self, unread)
        if unread < self._unread:
            self._since = now
        self._unread = unread
        waited, patience = now - self._since, self._limits.patience
        if unread or self._deaf:
            if waited > (patience if unread else _LINGER):
                self.cut()
        elif self._reader.begun:
            if waited > patience:
                text = f"the headers did not arrive within {patience:g} s"
                self._refuse(Unreadable(408, "slow_headers", text))
        elif self._reader.coming is None or not self._reader.coming.complete:
            if waited > patience:
                self.abandon()
        elif waited > self._limits.keep_alive:
            self.abandon()

    def abandon(self) -> None:
        """Close it, though nothing is wrong with it."""
        self._deaf = True
        self._transport.close()

    def cut(self) -> None:
        """End it at once; what isn't taken is thrown away, and counts no more from now on."""
        self._deaf = True
        self._all.closed(self)
        self._transport.abort()

    # Its own.

    def _start(self, exchange: Exchange) -> None:
        self._answering = exchange
        task = self._loop.create_task(self._answer(exchange))
        exchange.on_gone = task.cancel  # nobody works for a client that has hung up
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._app(exchange.begin(), exchange.receive, exchange.send)
        except Exception:
            log.exception("an answer could not be made")
        if not (exchange.done or exchange.gone):
            close = (b"connection", b"close")
            exchange.answer(
                500, [(b"content-type", b"text/plain"), close], b"Internal Server Error"
            )

    def _next(self) -> None:
        """Begin what waits, when its turn has come."""
        if self._answering is not None or self._full:
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._refusal is not None:
            self._transport.write(self._refusal)
            self._close()

    def _refuse(self, wrong: Unreadable) -> None:
        """Tell the client, when all that came before is answered, and read on no more."""
        self._deaf = True
        self._all.refused(wrong.status)
        self._all.complain(f"{wrong.status} {wrong.code}", wrong.message)
        coming = None if self._reader.begun else self._reader.coming
        if coming is not None and not coming.complete:
            # It is this request that can't be read: this is its answer, unless it has one.
            if coming.done:
                self._close()
                return
            coming.leave()
            if coming is self._answering:
                self._answering = None
            else:
                self._waiting.remove(coming)
        self._refusal = refusal(*wrong)
        self._next()

    def _close(self) -> None:
        """After the answer that was written last. Until the client has seen it, what it still sends
        is read and thrown away: else its system would throw away the answer.
        """
        self._deaf = self._last = True
        self._since = time.monotonic()
        self._waiting.clear()
        coming = self._reader.coming
        through = coming is None or coming.complete
        if through and not self._reader.begun and not self._paused and self._refusal is None:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write_eof()
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
