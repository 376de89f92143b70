"""HTTP/1.1 on one connection: bytes in, exactly one answer for each request, in their order.

The parser is llhttp, by httptools; `exchange` is what it makes of each request, and the application
answers it. `connection_limits` makes connections, and says how long they may wait for what. Of
anything that can't be understood the client is told why, and the connection is closed: nothing that
comes behind it is taken for a request.
"""

import asyncio
import json
import logging
import time
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.server import ServerState

from transit_server.http.wire.exchange import Exchange

if TYPE_CHECKING:
    from transit_server.http.wire.connection_limits import Connections

log = logging.getLogger(__name__)

_LARGEST = 64 * 1024  # bytes, after the read with which a head, or what is behind a body, begins
_MOST_WAITING = 64  # requests that were sent without waiting for answers
_LINGER = 2.0  # seconds for a client to take the last answer, before what it still sends resets it
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_UPGRADE = (b"upgrade", b"http2-settings")


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
        self._app_state = app_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parser = _parser(self)
        # The head that comes.
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects = False
        self._begun = False  # and isn't complete
        self._upgrades = False
        # What has a head.
        self._coming: Exchange | None = None  # whose body comes, or was the last to come
        self._answering: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._refusal: bytes | None = None  # to be written when all before it is answered
        # Reading and writing.
        self._read = 0  # bytes since a head began or was complete, or a piece of a body came
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
            self._transport.write(_refusal(503, "too_many_connections", text))
            self.abandon()
            return
        self._state.connections.add(cast(Any, self))
        self._all.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deaf = True
        self._all.closed(self)
        self._state.connections.discard(cast(Any, self))
        for exchange in (self._coming, self._answering, *self._waiting):
            if exchange is not None:
                exchange.leave()
        self._waiting.clear()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._next()

    def data_received(self, data: bytes) -> None:
        while not self._deaf:
            self._read += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._parser.get_method() == b"CONNECT":
                    self._refuse(405, "method_not_allowed", "this server is no proxy")
                    return
                data = self._without_upgrade() + data[upgrade.args[0] :]
                continue
            except httptools.HttpParserError:
                self._refuse(400, "malformed_request", "this is no HTTP/1.1 request")
                return
            if self._read > _LARGEST:
                what = "headers" if self._begun else "trailers or chunk extensions"
                self._refuse(431, "headers_too_large", f"more than {_LARGEST} bytes of {what}")
            return

    # What the parser says.

    def on_message_begin(self) -> None:
        self._url, self._headers, self._expects = b"", [], False
        self._begun, self._read = True, 0
        if self._answering is None:
            self._since = time.monotonic()
            self._all.busy(self)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._begun:
            return  # a trailer, which must not pass for a header that was checked
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._begun, self._read = False, 0
        if self._parser.should_upgrade():
            self._upgrades = True  # the parser reads no body of such a request
            return
        version = self._parser.get_http_version()
        exchange = Exchange(
            self,
            self._scope(version),
            self._parser.should_keep_alive() and version == "1.1",
            self._expects,
        )
        self._coming = exchange
        if self._last:
            exchange.leave()
        elif self._answering is None and not self._full:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self._pause()
            self._last = len(self._waiting) >= _MOST_WAITING

    def on_body(self, body: bytes) -> None:
        self._read = 0
        if self._coming is not None and not self._coming.feed(body):
            self._pause()

    def on_message_complete(self) -> None:
        if self._upgrades or self._coming is None:
            return
        self._coming.finish()
        if self._coming.done:
            self._rest()

    # What exchanges say.

    @property
    def common_headers(self) -> bytes:
        """Those of every answer."""
        return self._all.common_headers(self._state)

    def write(self, data: bytes) -> None:
        """Write what is no answer yet."""
        self._transport.write(data)

    def answered(self, exchange: Exchange, answer: bytes) -> None:
        """Write the answer of the exchange that was started last."""
        self._transport.write(answer)
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
            self._rest()
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
        if unread < self._unread:
            self._since = now
        self._unread = unread
        waited, patience = now - self._since, self._limits.patience
        if unread or self._deaf:
            if waited > (patience if unread else _LINGER):
                self._transport.abort()
        elif self._begun:
            if waited > patience:
                text = f"the headers did not arrive within {patience:g} s"
                self._refuse(408, "slow_headers", text)
        elif self._coming is None or not self._coming.complete:
            if waited > patience:
                self.abandon()
        elif waited > self._limits.keep_alive:
            self.abandon()

    def abandon(self) -> None:
        """Close it, though nothing is wrong with it."""
        self._deaf = True
        self._transport.close()

    # Its own.

    def _scope(self, version: str) -> dict[str, Any]:
        url = self._url
        if url.startswith(b"/"):
            raw, _, query = url.partition(b"?")
        else:
            parsed = httptools.parse_url(url)
            raw, query = parsed.path or b"/", parsed.query or b""
        path = raw.decode("ascii")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "client": None,
            "server": None,
            "state": self._app_state,
        }

    def _start(self, exchange: Exchange) -> None:
        self._answering = exchange
        exchange.scope["transit.exchange"] = exchange
        task = self._loop.create_task(self._answer(exchange))
        exchange.on_gone = task.cancel  # nobody works for a client that has hung up
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
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

    def _rest(self) -> None:
        """Both sides are through with a request."""
        if self._answering is None and not self._begun and not self._deaf:
            self._all.idle(self)

    def _without_upgrade(self) -> bytes:
        """The head of a request that asks for another protocol, without that wish: it is answered
        as what it is in HTTP/1.1 (RFC 9110, 7.8), by a parser that reads its body.
        """
        method = self._parser.get_method()
        version = self._parser.get_http_version().encode()
        self._parser, self._upgrades = _parser(self), False
        lines = [method, b" ", self._url, b" HTTP/", version, b"\r\n"]
        for name, value in self._headers:
            if name in _UPGRADE:
                continue
            if name == b"connection":
                options = [option.strip() for option in value.split(b",")]
                value = b", ".join(one for one in options if one.lower() not in _UPGRADE)
            lines += (name, b": ", value, b"\r\n")
        return b"".join((*lines, b"\r\n"))

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Tell the client, when all that came before is answered, and read on no more."""
        self._deaf = True
        self._all.refused(status)
        log.warning("%d %s: %s", status, code, message)
        coming = None if self._begun else self._coming
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
        self._refusal = _refusal(status, code, message)
        self._next()

    def _close(self) -> None:
        """After the answer that was written last. Until the client has seen it, what it still sends
        is read and thrown away: else its system would throw away the answer.
        """
        self._deaf = self._last = True
        self._since = time.monotonic()
        self._waiting.clear()
        coming = self._coming
        through = coming is None or coming.complete
        if through and not self._begun and not self._paused and self._refusal is None:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write_eof()
            if self._paused:
                self._paused = False
                self._transport.resume_reading()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()


def _parser(connection: Connection) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(connection)
    # What comes behind `Connection: close` is not looked at; that is no reason to refuse it all.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _refusal(status: int, code: str, message: str) -> bytes:
    """A whole answer to what no route has seen."""
    body = json.dumps({"error": {"code": code, "message": message, "field": None}}).encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *(["retry-after: 1"] if status == 503 else []),
        "connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body
