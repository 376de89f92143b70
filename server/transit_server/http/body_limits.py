"""Reading bodies within limits: of size, of time, and of memory for all of them together.

The routes read through `Bodies`; nothing here knows what is in a body.
"""

import asyncio
import zlib
from functools import partial
from io import BytesIO

from starlette.requests import ClientDisconnect

from transit_server.errors import (
    BodyTooLarge,
    MalformedBody,
    Overloaded,
    SlowBody,
    UnsupportedEncoding,
)
from transit_server.http.request import HttpRequest
from transit_server.runtime.deadlines import Deadlines

_SINGLE_ROW = 2**20
_ENCODINGS = (b"gzip", b"deflate", b"identity")


class Bodies:
    """Reads bodies of at most `largest` bytes, in at most `seconds`.

    Bodies that don't come in one piece may take `together` bytes at a time, until their requests
    are answered; beyond that, requests are refused at once.
    """

    def __init__(self, largest: int, together: int, seconds: float, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._largest = largest
        self._single = min(largest, _SINGLE_ROW)
        self._together = max(together, largest)
        self._seconds = seconds
        self._held = 0

    async def row(self, request: HttpRequest) -> bytes:
        """A body with one row, a megabyte at most. Raises as `any` does."""
        return await self._read(request, self._single)

    async def any(self, request: HttpRequest) -> bytes:
        """Raises `BodyTooLarge` without reading on, `MalformedBody` for a wrong Content-Length,
        `SlowBody`, `Overloaded`.
        """
        return await self._read(request, self._largest)

    async def _read(self, request: HttpRequest, limit: int) -> bytes:
        declared = encoding = None
        for name, value in request.scope["headers"]:
            if name == b"content-length":
                declared = value
            elif name == b"content-encoding":
                encoding = value.strip().lower()
        if encoding is not None and encoding not in _ENCODINGS:
            known = ", ".join(item.decode() for item in _ENCODINGS)
            raise UnsupportedEncoding(f"this Content-Encoding is not understood, only {known}")
        if declared is not None and not declared.isdigit():
            raise MalformedBody("the header Content-Length is not a number")
        if declared is not None and int(declared) > limit:
            raise BodyTooLarge(
                f"the body has {declared.decode('latin-1')} bytes, at most {limit} are read"
            )
        try:
            body = await self._within(request, limit)
        except TimeoutError:
            raise SlowBody(f"the body did not arrive within {self._seconds:g} s") from None
        if len(body) > limit:
            raise BodyTooLarge(f"the body has {len(body)} bytes, at most {limit} are read")
        if encoding is None or encoding == b"identity":
            return body
        return await asyncio.to_thread(_decompressed, body, limit)

    async def _within(self, request: HttpRequest, limit: int) -> bytes:
        """Raises `TimeoutError`."""
        async with asyncio.timeout(None) as timeout:
            # It is given a time only when that is over: a timer for each body would be slow.
            late = partial(timeout.reschedule, 0.0)
            deadline = self._deadlines.set(request.started + self._seconds, late)
            try:
                body, more = await _piece(request)
                if more:
                    body = await self._rest(request, body, limit)
                request.body_is_read = True
                return body
            finally:
                self._deadlines.clear(deadline)

    async def _rest(self, request: HttpRequest, first: bytes, limit: int) -> bytes:
        # Not a list of pieces, which would need the memory twice: `getvalue` copies nothing.
        body = BytesIO()
        size = body.write(first)
        self._hold(request, size)
        more = True
        while more:
            piece, more = await _piece(request)
            size += body.write(piece)
            if size > limit:
                raise BodyTooLarge(f"the body is larger than {limit} bytes")
            self._hold(request, len(piece))
        return body.getvalue()

    def _hold(self, request: HttpRequest, size: int) -> None:
        """Account for `size` more bytes until the request is answered."""
        if self._held + size > self._together:
            raise Overloaded(
                f"the bodies of other requests take {self._held} of {self._together} bytes"
            )
        self._held += size
        if not request.held:
            request.at_end = lambda: self._release(request)
        request.held += size

    def _release(self, request: HttpRequest) -> None:
        self._held -= request.held
        request.held = 0


def _decompressed(body: bytes, limit: int) -> bytes:
    """Of gzip or zlib, without unpacking more than `limit`."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise MalformedBody("the body is not compressed as Content-Encoding says") from error
    if len(plain) > limit:
        raise BodyTooLarge(f"the body is larger than {limit} bytes when it is unpacked")
    if not unpacking.eof:
        raise MalformedBody("the compressed body is cut off")
    return plain


async def _piece(request: HttpRequest) -> tuple[bytes, bool]:
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)
