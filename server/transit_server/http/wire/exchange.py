"""One request and its answer, as an ASGI application sees them.

`connection` makes an exchange when a request's head is complete, gives it the body as it comes, and
is given the answer. That is always whole: no route streams, and one write for head and body saves a
system call, a packet, and the client a wake-up.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transit_server.http.wire.connection import Connection

_ENOUGH = 64 * 1024  # bytes of a body that nobody has read; then the connection isn't read either
_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_NO_BODY = (204, 304)


class Exchange:
    """A request whose head is complete. Every attribute but `on_gone` is the connection's to
    change.

    It and its task, and it and its scope, refer to each other no longer than they must: whatever
    hangs on a circle stays in memory until the garbage collector comes round, bodies of megabytes
    too.
    """

    __slots__ = (
        "_answer",
        "_arrived",
        "_body",
        "_connection",
        "_head_only",
        "_scope",
        "complete",
        "done",
        "expects",
        "gone",
        "may_stay",
        "on_gone",
    )

    def __init__(
        self, connection: "Connection", scope: dict[str, Any], may_stay: bool, expects: bool
    ) -> None:
        self._scope = scope
        self.may_stay = may_stay  # the connection, when this is answered
        self.expects = expects  # `100 Continue`, before it sends its body
        self.complete = False  # the body has come
        self.done = False  # the answer is written
        self.gone = False  # nobody waits for an answer
        self.on_gone: Callable[[], object] | None = None  # called then, once
        self._connection = connection
        self._head_only = scope["method"] == "HEAD"
        self._body = bytearray()
        self._arrived: asyncio.Event | None = None  # made only where somebody has to wait
        self._answer: tuple[int, Sequence[tuple[bytes, bytes]], list[bytes]] | None = None

    def begin(self) -> dict[str, Any]:
        """The scope, which is the application's from now on."""
        scope, self._scope = self._scope, {}
        scope["transit.exchange"] = self
        return scope

    def feed(self, piece: bytes) -> bool:
        """More of the body. Whether there is room for yet more."""
        if self.done or self.gone:
            return True
        self._body += piece
        self._wake()
        return len(self._body) <= _ENOUGH

    def finish(self) -> None:
        """That was all of the body."""
        self.complete = True
        if self._arrived is not None and not self.done:
            self._connection.body_is_complete()
        self._wake()

    def leave(self) -> None:
        """The client is gone, or was told that its request can't be read."""
        if self.gone or self.done:
            return
        self.gone = True
        self._body.clear()
        self._wake()
        tell, self.on_gone = self.on_gone, None
        if tell is not None:
            tell()

    def whole_body(self) -> bytes | None:
        """The body, if all of it is here and none of it was taken: without waiting."""
        return bytes(self._body) if self.complete and not self.gone else None

    async def receive(self) -> dict[str, Any]:
        """ASGI: the next piece of the body, as large as it has grown."""
        if self.expects and not self.complete:
            self.expects = False
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._body or self.complete or self.gone or self.done):
            self._connection.resume_reading()
            if self._arrived is None:
                self._arrived = asyncio.Event()
                self._connection.body_is_owed()
            self._arrived.clear()
            await self._arrived.wait()
        if self.gone or self.done:
            return {"type": "http.disconnect"}
        piece, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": piece, "more_body": not self.complete}

    async def send(self, message: Any) -> None:
        """ASGI: the answer, written when it is whole."""
        if message["type"] == "http.response.start":
            self._answer = message["status"], message.get("headers", ()), []
            return
        if self._answer is None:
            raise RuntimeError("an answer begins with its status")
        self._answer[2].append(message.get("body", b""))
        if not message.get("more_body", False):
            status, headers, pieces = self._answer
            self.answer(status, headers, b"".join(pieces))

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Write the answer; nothing if nobody waits for it."""
        if self.gone:
            return
        if self.done:
            raise RuntimeError("the request has its answer already")
        self.done = True
        self.on_gone = None
        if self.expects and not self.complete:
            # Nobody can know whether such a client will still send its body.
            self.may_stay = False
        self._body.clear()
        lines = [_LINES[status], self._connection.common_headers]
        for name, value in headers:
            if name == b"content-length":
                continue
            if name == b"connection" and value == b"close":
                self.may_stay = False
                continue
            lines += (name, b": ", value, b"\r\n")
        if not self.may_stay:
            lines.append(b"connection: close\r\n")
        if status not in _NO_BODY:
            lines.append(b"content-length: %d\r\n" % len(body))
        lines.append(b"\r\n")
        if not self._head_only:
            lines.append(body)
        self._connection.answered(self, b"".join(lines))

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()


def refusal(status: int, code: str, message: str) -> bytes:
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
