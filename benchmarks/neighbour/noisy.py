"""The hostile client, as a process of its own: the largest batches, broken rows and slow bodies, as
fast as it can, over connections that never pause, until it is told to end (SIGTERM).

`python -m benchmarks.neighbour.noisy` with a JSON object as its argument (`Noise`); prints what it
was answered as JSON.
"""

import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import aiohttp

_DRIP = 0.5  # seconds between two bytes of a slow body


@dataclass(frozen=True, slots=True)
class Noise:
    """What to send where, and over how many connections each."""

    port: int
    headers: dict[str, str]
    batch_path: str
    batch: str  # a file
    row_path: str
    broken: str  # a file
    batches: int
    rows: int
    drips: int


class Noisy:
    """All its connections, and what they were answered."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._batch, self._broken = Path(noise.batch).read_bytes(), Path(noise.broken).read_bytes()
        self._url = f"http://127.0.0.1:{noise.port}"
        self.answers: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        noise = self._noise
        # A client that means harm doesn't wait for pooled connections.
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(connector=connector, headers=noise.headers) as session,
            asyncio.TaskGroup() as group,
        ):
            for path, body, count, what in (
                (noise.batch_path, self._batch, noise.batches, "batch"),
                (noise.row_path, self._broken, noise.rows, "broken row"),
            ):
                for _ in range(count):
                    group.create_task(self._send(session, path, body, what))
            for _ in range(noise.drips):
                group.create_task(self._drip(self._broken))

    async def _send(
        self, session: aiohttp.ClientSession, path: str, body: bytes, what: str
    ) -> None:
        while True:
            try:
                async with session.post(self._url + path, data=body) as answer:
                    await answer.read()
                    self.answers[f"{what}: {answer.status}"] += 1
            except aiohttp.ClientError as error:
                self.answers[f"{what}: {type(error).__name__}"] += 1
                await asyncio.sleep(0)

    async def _drip(self, body: bytes) -> None:
        """A body a byte at a time, and again when the server has had enough of it."""
        noise = self._noise
        headers = {**noise.headers, "Host": "127.0.0.1", "Content-Length": str(len(body))}
        lines = [f"POST {noise.row_path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode()
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", noise.port)
                try:
                    writer.write(head)
                    for byte in body:
                        if reader.at_eof() or writer.is_closing():
                            break
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(_DRIP)
                finally:
                    writer.close()
            self.answers["slow body: ended"] += 1
            await asyncio.sleep(0)


async def main(noise: Noise) -> Counter[str]:
    """Make noise until SIGTERM."""
    noisy = Noisy(noise)
    task = asyncio.create_task(noisy.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return noisy.answers


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Noise(**json.loads(sys.argv[1]))))))
