"""A limit for what is around a body: the request line and the headers, in size and in time; chunk
extensions and trailers, in size (their time is the body's, see `body_limits`).

Uvicorn has none. A client that never ends its headers would take memory without end, and one that
never begins, or never goes on, a connection. `process` gives this protocol to uvicorn.
"""

import asyncio
import json

from transit_server.http.one_write import OneWrite

_LARGEST = 64 * 1024  # bytes, after the read with which a head, or what is behind a body, begins
_TOO_LARGE = "431 Request Header Fields Too Large"
_TOO_LATE = "408 Request Timeout"


class BoundedHeads(OneWrite):
    """Answers 431 and 408, and closes the connection; for what comes behind a head only the latter,
    since its request may have been answered.
    """

    patience = 30.0  # seconds for a head, from its first byte or from the opening of the connection
    _read = 0  # bytes since a head began or was complete, or a piece of a body came
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.patience, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._read += len(data)
        super().data_received(data)
        complete = self._head_is_complete()
        if complete:
            self._stop_timer()
        if self.transport.is_closing():
            return
        if self._read > _LARGEST:
            what = "trailers or chunk extensions" if complete else "headers"
            self._refuse(_TOO_LARGE, "headers_too_large", f"more than {_LARGEST} bytes of {what}")
        elif not complete and self._timer is None:
            self._timer = self.loop.call_later(self.patience, self._too_late)

    def on_message_begin(self) -> None:
        self._read = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # A trailer is left out: uvicorn would add it to the headers, after they have been checked.
        if not self._head_is_complete():
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._read = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._read = 0
        super().on_body(body)

    def _head_is_complete(self) -> bool:
        """Uvicorn makes a scope when a head begins, and with it a cycle when it is complete."""
        return self.cycle is not None and self.cycle.scope is self.scope

    def _too_late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._answering():
            self._timer = self.loop.call_later(self.patience, self._too_late)
        elif self.scope is not None:
            text = f"the headers did not arrive within {self.patience:g} s"
            self._refuse(_TOO_LATE, "slow_headers", text)
        else:
            self.transport.close()

    def _answering(self) -> bool:
        """An earlier request of the connection waits for its answer, and nothing may come first."""
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: str, code: str, message: str) -> None:
        self._stop_timer()
        self.logger.warning("%s: %s", status, message)
        body = json.dumps({"error": {"code": code, "message": message, "field": None}})
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        if not self._head_is_complete() and not self._answering():
            self.transport.write(f"{head}{body}".encode())
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
