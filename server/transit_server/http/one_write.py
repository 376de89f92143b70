"""One write for each response. Uvicorn writes the headers and then the body.

Each write is a system call, a packet, and a wake-up of the client, which together cost more than
decoding a row. `process` gives this protocol to uvicorn in place of its own.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWrite(HttpToolsProtocol):
    """Uvicorn's protocol, over a transport that gathers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Gathering(transport, self.loop.call_soon))


class Gathering(asyncio.Transport):
    """A transport that writes once for each turn of the event loop, all that was given in it."""

    def __init__(self, transport: asyncio.Transport, soon: Callable[..., Any]) -> None:
        super().__init__()
        self._transport = transport
        self._soon = soon
        self._gathered: list[bytes] = []
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.set_protocol = transport.set_protocol  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write `data` when this turn of the event loop is over."""
        if not self._gathered:
            self._soon(self._flush)
        self._gathered.append(bytes(data))

    def close(self) -> None:
        """Close, when everything is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if not self._gathered:
            return
        gathered, self._gathered = self._gathered, []
        if not self._transport.is_closing():
            self._transport.writelines(gathered)
