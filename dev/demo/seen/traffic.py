"""Steady traffic through the gateway, every request accounted for.

An open loop: requests leave at `rate` a second whatever the answers do, over connections that are
kept open, from a thread of its own. Neighbours: `incidents.py` judges the failures, `measure.py`
the times; the end-to-end tests start it around what they test.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

PATH = "/api/v1/predict"
REVISION_HEADER = "x-transit-revision"
TIMEOUT_SECONDS = 15.0
MOST_IN_FLIGHT = 128


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it left and came back (epoch seconds), and what came.

    `status` is None when no HTTP answer came. `revision` and `version` are of the server that
    answered, None where the answer doesn't tell. `problem` is empty for 200; else the server's
    error code, or what went wrong on the way. `by_server`: it came from a model server.
    """

    sent: float
    done: float
    status: int | None
    revision: str | None = None
    version: str | None = None
    problem: str = ""
    by_server: bool = False

    @property
    def failed(self) -> bool:
        """Whether the client did not get what it asked for."""
        return self.status != 200


class Traffic:
    """Start it, stop it, read `answers` meanwhile: the list only ever grows."""

    def __init__(self, gateway: str, host: str, bodies: Sequence[bytes], rate: float) -> None:
        self.answers: list[Answer] = []
        self.rate = rate
        self._url = gateway + PATH
        self._headers = {"host": host, "content-type": "application/json"}
        self._bodies = bodies
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> "Traffic":
        """Begin to send."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop sending, and wait for the answers that are still to come."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(TIMEOUT_SECONDS + 5)

    def __enter__(self) -> "Traffic":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def mark(self) -> int:
        """A place in `answers`, for `since`."""
        return len(self.answers)

    def since(self, mark: int = 0) -> list[Answer]:
        """The answers that came after the mark."""
        return self.answers[mark:]

    def by_revision(self, mark: int = 0) -> Counter[str]:
        """How many good answers each revision gave."""
        return Counter(a.revision or "unknown" for a in self.since(mark) if not a.failed)

    def failures(self, mark: int = 0) -> list[Answer]:
        """Every answer that was not 200."""
        return [answer for answer in self.since(mark) if answer.failed]

    def _run(self) -> None:
        asyncio.run(self._send_all())

    async def _send_all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        connector = aiohttp.TCPConnector(limit=MOST_IN_FLIGHT)
        under_way: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            number, due = 0, time.monotonic()
            while not self._stop.is_set():
                body = self._bodies[number % len(self._bodies)]
                task = asyncio.create_task(self._send(session, body))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
                due = max(due + 1 / self.rate, time.monotonic() - 1.0)  # never a burst to catch up
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                while len(under_way) >= MOST_IN_FLIGHT:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            if under_way:
                await asyncio.wait(under_way)

    async def _send(self, session: aiohttp.ClientSession, body: bytes) -> None:
        sent = time.time()
        try:
            async with session.post(self._url, data=body, headers=self._headers) as response:
                raw = await response.read()
                header = response.headers.get(REVISION_HEADER)
                self.answers.append(understood(sent, time.time(), response.status, raw, header))
        except TimeoutError:
            why = f"no answer in {TIMEOUT_SECONDS:.0f} s"
            self.answers.append(Answer(sent, time.time(), None, problem=why))
        except (aiohttp.ClientError, OSError) as error:
            why = f"{type(error).__name__}: {error}"[:200]
            self.answers.append(Answer(sent, time.time(), None, problem=why))


def understood(
    sent: float, done: float, status: int, raw: bytes, header: str | None = None
) -> Answer:
    """The answer, with who gave it, as far as it says."""
    try:
        body: Any = json.loads(raw)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    model, error = body.get("model"), body.get("error")
    model = model if isinstance(model, dict) else {}
    revision, version = header or model.get("revision"), model.get("version")
    if status == 200 and revision:
        return Answer(sent, done, status, revision, version, by_server=True)
    if status == 200:
        problem = "200, but not the answer of a model server"
        return Answer(sent, done, None, problem=problem)
    if isinstance(error, dict) and "code" in error:
        return Answer(sent, done, status, revision, version, str(error["code"]), by_server=True)
    problem = raw[:80].decode("latin-1").strip() or "empty answer"
    return Answer(sent, done, status, problem=f"gateway: {problem}")


def light_curve_bodies(count: int = 600, seed: int = 2026) -> list[bytes]:
    """Requests with simulated light curves, all different, in the mix of real traffic."""
    from transit_models.examples import sample_light_curves

    curves, _ = sample_light_curves(count, seed)
    return [
        json.dumps({"features": [round(float(value), 6) for value in curve]}).encode()
        for curve in curves
    ]
