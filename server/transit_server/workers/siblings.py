"""What the workers of one server tell each other: whether they are ready, and their metrics.

Each listens on a Unix domain socket in the supervisor's private folder (mode 0700, sockets 0600);
the worker that is asked by Kubernetes or Prometheus asks the others there. A message is its length
in four bytes, big-endian, and MessagePack.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from transit_server.errors import NotReady
from transit_server.late_series import SeriesKey
from transit_server.metrics import Metrics
from transit_server.workers.contract import socket_of
from transit_server.workers.merge import Family, exposed, families_of, merged

log = logging.getLogger(__name__)

# Kubernetes waits one second for readiness, and asks again a second later.
_READY_WITHIN = 0.5
_METRICS_WITHIN = 1.0


class _Ask(msgspec.Struct, array_like=True):
    """`shown` says that the metrics of this connection have gone out, without `gone`."""

    what: Literal["ready", "metrics", "shown"]
    gone: list[SeriesKey] = []


class _Part(msgspec.Struct, array_like=True):
    """One worker's metrics, and the series of feedback that it dropped."""

    families: list[Family]
    gone: list[SeriesKey]


class _Own:
    """What this worker says of itself."""

    def __init__(self, not_ready_because: Callable[[], str | None], metrics: Metrics) -> None:
        self.not_ready_because = not_ready_because
        self.metrics = metrics

    async def part(self) -> tuple[_Part, list[SeriesKey]]:
        """The metrics now, and the series of feedback that are at 0 in them for the first time."""
        feedback = self.metrics.feedback
        new, gone = feedback.held(), feedback.gone()
        return _Part(await asyncio.to_thread(families_of, self.metrics.registry), gone), new


class Siblings:
    """The workers of this server, as the one with number `index` (from 0) sees them."""

    def __init__(self, folder: Path, index: int, count: int) -> None:
        self._folder = folder
        self._index = index
        self._others = [number for number in range(count) if number != index]
        self._own: _Own | None = None
        self._server: asyncio.Server | None = None

    async def open(self, not_ready_because: Callable[[], str | None], metrics: Metrics) -> None:
        """Begin to answer the others."""
        self._own = _Own(not_ready_because, metrics)
        path = socket_of(self._folder, self._index)
        self._server = await asyncio.start_unix_server(self._answer, path)
        os.chmod(path, 0o600)

    def close(self) -> None:
        """Answer the others no more."""
        if self._server is not None:
            self._server.close()

    async def not_ready_because(self) -> str | None:
        """None when every other worker is ready."""
        answers = await asyncio.gather(*(self._readiness(number) for number in self._others))
        return next((answer for answer in answers if answer is not None), None)

    async def metrics(self) -> bytes:
        """The metrics of all workers as those of one, in the text format of Prometheus. Raises
        `NotReady` when one of them does not answer: a sum without it would fall, which Prometheus
        takes for a restart.
        """
        assert self._own is not None, "asked before the application was started"
        lines: list[_Line] = []
        try:
            own, new = await self._own.part()
            lines = [_Line(self._folder, number) for number in self._others]
            parts = await asyncio.gather(*(line.metrics() for line in lines))
            gone = sorted({key for part in (own, *parts) for key in part.gone})
            every = [part.families for part in (own, *parts)]
            text = await asyncio.to_thread(lambda: exposed(merged(every, gone)))
            self._own.metrics.feedback.shown(new, gone)
            await asyncio.gather(*(line.shown(gone) for line in lines))
        finally:
            for line in lines:
                line.close()
        return text

    async def _readiness(self, number: int) -> str | None:
        line = _Line(self._folder, number)
        try:
            why = await line.ready()
        except NotReady as error:
            return error.message
        finally:
            line.close()
        return None if why is None else f"worker {number + 1}: {why}"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of another worker, to its end."""
        assert self._own is not None
        new: list[SeriesKey] = []
        try:
            while True:
                ask = _ASK.decode(await _receive(reader))
                answer: object = None
                if ask.what == "ready":
                    answer = self._own.not_ready_because()
                elif ask.what == "metrics":
                    answer, new = await self._own.part()
                else:
                    self._own.metrics.feedback.shown(new, ask.gone)
                await _send(writer, answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # it hung up, as it does when it has its answer, or has waited long enough
        finally:
            writer.close()


class _Line:
    """A connection to another worker. All methods but `close` raise `NotReady`."""

    def __init__(self, folder: Path, number: int) -> None:
        self._path = socket_of(folder, number)
        self._number = number
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ready(self) -> str | None:
        """Why it isn't."""
        return _WHY.decode(await self._ask(_Ask("ready"), _READY_WITHIN))

    async def metrics(self) -> _Part:
        return _PART.decode(await self._ask(_Ask("metrics"), _METRICS_WITHIN))

    async def shown(self, gone: list[SeriesKey]) -> None:
        """Say so; a worker that can't be told shows its new series at 0 once more."""
        try:
            await self._ask(_Ask("shown", gone), _METRICS_WITHIN)
        except NotReady as error:
            log.warning("after its metrics were taken: %s", error.message)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def _ask(self, ask: _Ask, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                if self._streams is None:
                    self._streams = await asyncio.open_unix_connection(self._path)
                reader, writer = self._streams
                await _send(writer, ask)
                return await _receive(reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            who = f"worker {self._number + 1} does not answer"
            raise NotReady(f"{who}: it is starting, has ended, or hangs") from None


_ASK = msgspec.msgpack.Decoder(_Ask)
_PART = msgspec.msgpack.Decoder(_Part)
_WHY: msgspec.msgpack.Decoder[str | None] = msgspec.msgpack.Decoder(str | None)


async def _send(writer: asyncio.StreamWriter, message: Any) -> None:
    body = msgspec.msgpack.encode(message)
    writer.write(len(body).to_bytes(4, "big") + body)
    await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
