"""Half an hour at saturation: every answer checked, memory watched, and an end under load.

`python -m benchmarks.server.soak` keeps `--connections` requests under way for `--minutes`, over
all three models, and compares each answer with the one that the same row got at first. Then it
ends the server by SIGTERM while the load goes on, for as long as gateways would still send. Lost
are: another status than 200, another answer, no answer, a connection that broke under a request.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS, row_bodies
from benchmarks.server.figures.rows import machine
from benchmarks.server.own import Served, served
from benchmarks.server.servers.contestant import MODELS, QUIET
from benchmarks.server.servers.running import ROOT

DRAIN = "5s"  # as in a cluster: connections are closed one by one, after an answer
ENDPOINT_GONE = 4.0  # seconds after SIGTERM at which gateways send nothing more
_TELL_EVERY = 30.0
_WARM_UP = 0.1  # share of the time after which memory counts as settled


@dataclass
class Seen:
    """What happened so far."""

    answered: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    memory_mb: list[float] = field(default_factory=list)
    slowest_liveness: float = 0.0
    ending: bool = False  # SIGTERM was sent
    gone: bool = False  # nobody sends requests any more
    answered_while_draining: int = 0


class Load:
    """Requests that never pause, over connections that stay open."""

    def __init__(self, session: aiohttp.ClientSession, url: str, bodies: Sequence[bytes]) -> None:
        self.seen = Seen()
        self._session = session
        self._predict = f"{url}/api/v1/predict"
        self._live = f"{url}/v2/health/live"
        self._bodies = bodies
        self._expected: list[Any] = []

    async def learn(self) -> None:
        """Ask every body once: these are the answers to expect."""
        for body in self._bodies:
            status, found = await self._ask(body)
            if status != 200:
                raise SystemExit(f"the server doesn't answer: {status} {found}")
            self._expected.append(found)

    async def keep_asking(self, first: int) -> None:
        """One connection's requests until the endpoint is gone."""
        number = first
        while not self.seen.gone:
            index = number % len(self._bodies)
            number += 1
            try:
                status, found = await self._ask(self._bodies[index])
            except (aiohttp.ClientError, TimeoutError) as error:
                when = " while draining" if self.seen.ending else ""
                self.seen.lost[type(error).__name__ + when] += 1
                continue
            if status != 200:
                self.seen.lost[f"status {status}"] += 1
            elif found != self._expected[index]:
                self.seen.lost["another answer"] += 1
            else:
                self.seen.answered += 1
                self.seen.answered_while_draining += self.seen.ending

    async def watch(self, server: Served) -> None:
        """Liveness every second, memory with it."""
        while not self.seen.ending:
            start = time.monotonic()
            async with self._session.get(self._live) as answer:
                if answer.status != 200:
                    self.seen.lost[f"liveness {answer.status}"] += 1
            took = time.monotonic() - start
            self.seen.slowest_liveness = max(self.seen.slowest_liveness, took)
            self.seen.memory_mb.append(round(server.memory(), 1))
            await asyncio.sleep(1)

    async def _ask(self, body: bytes) -> tuple[int, Any]:
        async with self._session.post(self._predict, data=body) as answer:
            found = await answer.json()
            said = found.get("prediction", found)
            said.pop("feedback_token", None)  # no two are alike
            return answer.status, said


async def soak(server: Served, store: Path, minutes: float, connections: int) -> Seen:
    """Load, watch, end."""
    bodies = [
        f'{{"model": "{model.name}", "features": {row}}}'.encode()
        for model in MODELS
        for row in row_bodies(model, store)[:100]
    ]
    connector = aiohttp.TCPConnector(limit=connections + 1)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        load = Load(session, server.url, bodies)
        await load.learn()
        start = time.monotonic()
        asking = [asyncio.create_task(load.keep_asking(7 * n)) for n in range(connections)]
        watching = asyncio.create_task(load.watch(server))
        while (left := start + minutes * 60 - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _TELL_EVERY))
            _tell(load.seen, time.monotonic() - start)
        load.seen.ending = True
        os.kill(server.pid, signal.SIGTERM)
        await asyncio.sleep(ENDPOINT_GONE)
        load.seen.gone = True
        await asyncio.wait_for(asyncio.gather(watching, *asking), 60)
        return load.seen


def _tell(seen: Seen, seconds: float) -> None:
    print(
        f"{seconds / 60:5.1f} min  {seen.answered:9,} answered  {sum(seen.lost.values())} lost"
        f"  {seen.memory_mb[-1]:.0f} MB  slowest liveness {seen.slowest_liveness * 1000:.0f} ms",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "models")
    options = parser.parse_args()
    os.environ.update(QUIET)
    store = options.store.resolve()
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as work,
        served(MODELS, store, Path(work), TRANSIT_DRAIN_DELAY=DRAIN) as server,
    ):
        seen = asyncio.run(soak(server, store, options.minutes, options.connections))
    settled = seen.memory_mb[int(len(seen.memory_mb) * _WARM_UP) :]
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "minutes": options.minutes,
        "connections": options.connections,
        "answered": seen.answered,
        "lost": dict(seen.lost),
        "answered_while_draining": seen.answered_while_draining,
        "memory_mb": {"settled": settled[0], "last": settled[-1], "most": max(seen.memory_mb)},
        "slowest_liveness_ms": round(seen.slowest_liveness * 1000, 1),
    }
    (RESULTS / "soak.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 1 if seen.lost else 0


if __name__ == "__main__":
    command.run(main)
