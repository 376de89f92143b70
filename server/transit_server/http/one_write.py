"""One write for each response. Uvicorn writes the headers and then the body.

Each write is a system call, a packet, and a wake-up of the client, which together cost more than
decoding a row. `head_limits` builds on this protocol.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWrite(HttpToolsProtocol):
    """Uvicorn's protocol, over a transport that gathers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        gathering = Gathering(transport, self.loop.call_soon)
        super().connection_made(cast(asyncio.Transport, gathering))


class Gathering:
    """What uvicorn asks of a transport; writes once for each turn of the event loop."""

    def __init__(self, transport: asyncio.Transport, soon: Callable[..., Any]) -> None:
        self._transport = transport
        self._soon = soon
        self._gathered: list[bytes] = []
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.set_protocol = transport.set_protocol

    def write(self, data: bytes) -> None:
        """Write `data` when this turn of the event loop is over."""
        if not self._gathered:
            self._soon(self._flush)
        self._gathered.append(data)

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
