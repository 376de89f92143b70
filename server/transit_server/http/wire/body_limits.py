"""Reading bodies within limits: of size, of time, and of memory for all of them together.

The routes read through `Bodies`; nothing here knows what is in a body. `unpacking` unpacks what is
compressed.
"""

import asyncio
import time
from collections.abc import Callable
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
from transit_server.http.wire.unpacking import Unpacking
from transit_server.runtime.deadlines import Deadlines
from transit_server.runtime.worker_threads import WorkerThreads

SMALL = 64 * 1024
_FEW = 2**20
_ENCODINGS = (b"gzip", b"deflate", b"identity")
_BOM = b"\xef\xbb\xbf"
_STEP = 4 * 2**20
_SLOW = 1.0  # seconds; a small body of a client that sends it is there in a hundredth


class Bodies:
    """Reads bodies of at most `largest` bytes, in at most `seconds`.

    Bodies may take `together` bytes at a time, packed or unpacked, until their requests are
    answered; beyond that, requests are refused at once. Small ones have room of their own, an
    eighth of that, so that who fills the rest doesn't keep others from asking for a row. Where that
    is full, those of them that are slow to come are given up early.
    """

    def __init__(self, largest: int, together: int, seconds: float, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._largest = largest
        self._large = _Room(max(together, largest))
        self._small = _Room(max(together, largest) // 8)
        self._seconds = seconds
        # What gives up each body that is coming, in the order in which they began to.
        self._coming: dict[HttpRequest, Callable[[], None]] = {}
        # One, so that unpacking never takes more than its part of the processors.
        self._unpacker = WorkerThreads(1, "unpacking")

    async def read(self, request: HttpRequest) -> bytes:
        """Raises `BodyTooLarge` without reading on, `MalformedBody` for a wrong Content-Length,
        `SlowBody`, `Overloaded`, `ClientDisconnect`.
        """
        return await self._read(request, self._largest)

    async def few(self, request: HttpRequest) -> bytes:
        """A body of a megabyte at most, for what is never large. Raises as `read` does."""
        return await self._read(request, min(_FEW, self._largest))

    async def _read(self, request: HttpRequest, limit: int) -> bytes:
        encoding = request.header(b"content-encoding")
        if encoding is not None:
            encoding = encoding.strip().lower()
            if encoding not in _ENCODINGS:
                known = ", ".join(item.decode() for item in _ENCODINGS)
                raise UnsupportedEncoding(f"this Content-Encoding is not understood, only {known}")
        body = request.whole_body()
        if body is None:
            body = await self._arriving(request, limit)
        else:
            self._hold(request, len(body))
        if len(body) > limit:
            raise BodyTooLarge(f"the body has {len(body)} bytes, at most {limit} are read")
        if encoding is not None and encoding != b"identity":
            body = await self._unpacked(request, Unpacking(body, encoding), len(body), limit)
        return body[len(_BOM) :] if body.startswith(_BOM) else body

    async def _arriving(self, request: HttpRequest, limit: int) -> bytes:
        declared = request.header(b"content-length")
        if declared is not None and not declared.isdigit():
            raise MalformedBody("the header Content-Length is not a number")
        if declared is not None and int(declared) > limit:
            raise BodyTooLarge(
                f"the body has {declared.decode('latin-1')} bytes, at most {limit} are read"
            )
        try:
            async with asyncio.timeout(None) as timeout:
                # It is given a time only when that is over: a timer for each would be slow.
                late = partial(timeout.reschedule, 0.0)
                deadline = self._deadlines.set(request.started + self._seconds, late)
                self._coming[request] = late
                try:
                    return await self._pieces(request, limit)
                finally:
                    self._coming.pop(request, None)
                    self._deadlines.clear(deadline)
        except TimeoutError:
            waited = time.perf_counter() - request.started
            text = f"the body did not arrive within {min(waited, self._seconds):.3g} s"
            if waited < self._seconds:
                text += ", and other requests needed its room"
            raise SlowBody(text) from None

    async def _pieces(self, request: HttpRequest, limit: int) -> bytes:
        # Not a list of pieces, which would need the memory twice: `getvalue` copies nothing. It is
        # closed, so that nothing is kept of what never came to its end.
        size, more = 0, True
        with BytesIO() as body:
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                piece, more = message.get("body", b""), message.get("more_body", False)
                size += body.write(piece)
                if size > limit:
                    raise BodyTooLarge(f"the body is larger than {limit} bytes")
                self._hold(request, len(piece))
            return body.getvalue()

    async def _unpacked(
        self, request: HttpRequest, unpacking: Unpacking, packed: int, limit: int
    ) -> bytes:
        """What is unpacked is held before there is more of it. Raises `BodyTooLarge` beyond
        `limit`.
        """
        size, room = 0, min(SMALL, limit + 1)
        with BytesIO() as body:
            while True:
                self._hold(request, room)
                if packed + size + room <= 2 * SMALL:
                    piece = unpacking.step(room)
                else:
                    piece = await self._unpacker.run(partial(unpacking.step, room))
                size += body.write(piece)
                if size > limit:
                    raise BodyTooLarge(f"the body is larger than {limit} bytes when it is unpacked")
                if len(piece) < room:
                    self._give_back(request, room - len(piece) + packed)
                    return body.getvalue()
                room = min(2 * room, _STEP, limit + 1 - size)

    def _hold(self, request: HttpRequest, size: int) -> None:
        """Account for `size` more bytes until the request is answered."""
        if not request.held:
            request.at_end = partial(self._release, request)
        now = request.held + size
        if now <= SMALL:
            if self._small.lacks(size):
                self._give_up_slow(size, request)
            self._small.take(size)
        elif request.held <= SMALL:
            self._large.take(now)
            self._small.held -= request.held
        else:
            self._large.take(size)
        request.held = now

    def _give_back(self, request: HttpRequest, size: int) -> None:
        now = request.held - size
        if request.held <= SMALL:
            self._small.held -= size
        elif now <= SMALL:
            self._large.held -= request.held
            self._small.held += now
        else:
            self._large.held -= size
        request.held = now

    def _give_up_slow(self, size: int, needing: HttpRequest) -> None:
        """Others' small bodies that have been coming for longest, until there is room for `size`
        more.
        """
        began = time.perf_counter() - _SLOW
        for request, give_up in list(self._coming.items()):
            if request.started > began or not self._small.lacks(size):
                return
            if request is not needing and 0 < request.held <= SMALL:
                del self._coming[request]
                self._release(request)
                give_up()

    def _release(self, request: HttpRequest) -> None:
        self._give_back(request, request.held)


class _Room:
    """Bytes that may be held at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0

    def lacks(self, size: int) -> bool:
        """Whether there is no room for so many more."""
        return self.held + size > self.size

    def take(self, size: int) -> None:
        """Raises `Overloaded`."""
        if self.lacks(size):
            raise Overloaded(f"the bodies of other requests take {self.held} of {self.size} bytes")
        self.held += size
