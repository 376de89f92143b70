"""Reading bodies within limits: of size, of time, and of memory for all of them together.

The routes read through `Bodies`; nothing here knows what is in a body. `unpacking` unpacks what is
compressed; `body_room` counts bytes, and says which bodies are slow.
"""

import asyncio
import time
from functools import partial
from io import BytesIO

from starlette.requests import ClientDisconnect

from transit_server.errors import (
    BodyTooLarge,
    MalformedBody,
    SlowBody,
    UnsupportedEncoding,
)
from transit_server.http.request import HttpRequest
from transit_server.http.wire.body_room import PATIENCE, Progress, Room
from transit_server.http.wire.unpacking import Unpacking
from transit_server.runtime.deadlines import Deadlines
from transit_server.runtime.worker_threads import WorkerThreads

SMALL = 64 * 1024
_FEW = 2**20
_ENCODINGS = (b"gzip", b"x-gzip", b"deflate", b"identity")
_BOM = b"\xef\xbb\xbf"
_STEP = 2**20  # as it is put behind the others, nobody else has the interpreter


class Bodies:
    """Reads bodies of at most `largest` bytes, in at most `seconds`.

    Bodies may take `together` bytes at a time, packed or unpacked, until their requests are
    answered; beyond that, requests are refused at once. Small ones have room of their own, an
    eighth of that, so that who fills the rest doesn't keep others from asking for a row. Those of
    one API key take half of either at most. Where a room is full, bodies that are slow to come are
    given up early: small ones after a second, large ones that come at less than the rate at which
    `largest` bytes take `seconds`.
    """

    def __init__(self, largest: int, together: int, seconds: float, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._largest = largest
        size = max(together, largest)
        self._large = Room(size, max(size // 2, largest))
        self._small = Room(size // 8, size // 16)
        self._seconds = seconds
        self._pace = largest / seconds
        # In the order in which they began to come.
        self._coming: dict[HttpRequest, Progress] = {}
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
                self._coming[request] = Progress(request.started, late)
                try:
                    body = await self._pieces(request, limit)
                    request.arrived = time.perf_counter()
                    return body
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
                if request.held > SMALL and request in self._coming:
                    self._coming[request].note(request.held)
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
        now, client = request.held + size, request.client_name
        if now <= SMALL:
            self._small.check_share(size, client)
            if self._small.lacks(size):
                self._give_up(self._slow_small(), self._small, size, request)
            self._small.take(size, client)
        else:
            more = now if request.held <= SMALL else size
            self._large.check_share(more, client)
            if self._large.lacks(more):
                self._give_up(self._slow_large(), self._large, more, request)
            self._large.take(more, client)
            if request.held <= SMALL:
                self._small.give_back(request.held, client)
        request.held = now

    def _give_back(self, request: HttpRequest, size: int) -> None:
        now, client = request.held - size, request.client_name
        if request.held <= SMALL:
            self._small.give_back(size, client)
        elif now <= SMALL:
            self._large.give_back(request.held, client)
            self._small.put(now, client)
        else:
            self._large.give_back(size, client)
        request.held = now

    def _give_up(
        self, slow: list[HttpRequest], room: Room, size: int, needing: HttpRequest
    ) -> None:
        """Bodies of others, in their order, until there is room for `size` more."""
        for request in slow:
            if not room.lacks(size):
                return
            if request is not needing:
                self._release(request)
                self._coming.pop(request).give_up()

    def _slow_small(self) -> list[HttpRequest]:
        """Those that have been coming for longest first."""
        began = time.perf_counter() - PATIENCE
        return [one for one in self._coming if one.started < began and 0 < one.held <= SMALL]

    def _slow_large(self) -> list[HttpRequest]:
        """The slowest first."""
        now = time.perf_counter()
        rates = {
            request: progress.rate(now)
            for request, progress in self._coming.items()
            if request.held > SMALL
        }
        slow = (request for request, rate in rates.items() if rate < self._pace)
        return sorted(slow, key=rates.__getitem__)

    def _release(self, request: HttpRequest) -> None:
        self._give_back(request, request.held)
