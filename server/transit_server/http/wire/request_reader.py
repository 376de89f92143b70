"""Requests out of the bytes of one connection, by llhttp (httptools): an `Exchange` for each head
that is complete, which is then given its body.

`connection` feeds it, and is told what has come; `head` is what the parser says of a head.
"""

from typing import TYPE_CHECKING, Any

import httptools

from transit_server.http.wire.exchange import Exchange
from transit_server.http.wire.head import Head, Unreadable

if TYPE_CHECKING:
    from transit_server.http.wire.connection import Connection

_LARGEST = 64 * 1024  # bytes, after the read with which a head, or what is behind a body, begins
_MOST_HEADERS = 256  # each takes many times the memory of a short line

_MALFORMED = Unreadable(400, "malformed_request", "this is not an HTTP/1.1 request")


class _Refused(Exception):
    """Raised through the parser, which reads no further."""


class RequestReader:
    """Its methods `on_…` are the parser's to call."""

    def __init__(self, connection: "Connection", app_state: dict[str, Any]) -> None:
        self.begun = False  # a head, which isn't complete
        self.coming: Exchange | None = None  # whose body comes, or was the last to come
        self._connection = connection
        self._app_state = app_state
        self._parser = self._new_parser()
        self._head = Head()
        self._upgrades = False
        self._wrong: Unreadable | None = None
        self._read = 0  # bytes since a head began or was complete, or a piece of a body came

    def feed(self, data: bytes) -> Unreadable | None:
        """More bytes; what is wrong with them, if anything is."""
        while True:
            self._read += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._parser.get_method() == b"CONNECT":
                    return Unreadable(405, "method_not_allowed", "this server is not a proxy")
                data = self._without_upgrade() + data[upgrade.args[0] :]
                continue
            except httptools.HttpParserError:
                return self._wrong or _MALFORMED
            if self._read > _LARGEST:
                what = "headers" if self.begun else "trailers or chunk extensions"
                return Unreadable(431, "headers_too_large", f"more than {_LARGEST} bytes of {what}")
            return None

    def on_message_begin(self) -> None:
        self._head = Head()
        self.begun, self._read = True, 0
        self._connection.head_begins()

    def on_url(self, url: bytes) -> None:
        self._head.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.begun:
            return  # it is a trailer, which must not pass for a header that was checked
        if len(self._head.headers) == _MOST_HEADERS:
            text = f"more than {_MOST_HEADERS} headers"
            self._wrong = Unreadable(431, "headers_too_large", text)
            raise _Refused
        self._head.add(name, value)

    def on_headers_complete(self) -> None:
        self.begun, self._read = False, 0
        parser = self._parser
        if parser.should_upgrade():
            self._upgrades = True  # the parser reads no body of such a request
            return
        version, head = parser.get_http_version(), self._head
        self._wrong = head.wrong(version)
        if self._wrong is not None:
            raise _Refused
        self.coming = Exchange(
            self._connection,
            head.scope(parser.get_method(), version, self._app_state),
            parser.should_keep_alive() and version == "1.1",
            head.expects and version == "1.1",
        )
        self._connection.head_is_complete(self.coming)

    def on_body(self, body: bytes) -> None:
        self._read = 0
        if self.coming is not None and not self.coming.feed(body):
            self._connection.pause_reading()

    def on_message_complete(self) -> None:
        if self._upgrades or self.coming is None:
            return
        self.coming.finish()
        if self.coming.done:
            self._connection.rest()

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What is behind `Connection: close` is not looked at; no reason to refuse all of it.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _without_upgrade(self) -> bytes:
        """The head of a request that asks for another protocol, without that wish: it is answered
        as what it is in HTTP/1.1 (RFC 9110, 7.8), by a parser that reads its body.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version()
        self._parser, self._upgrades = self._new_parser(), False
        return self._head.without_upgrade(method, version)
