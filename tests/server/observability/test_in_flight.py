"""The sum of latencies grows by one a second for each request in flight: autoscalers go by that."""

import asyncio
import time
from pathlib import Path

import httpx

from tests.server.running import RunningServer

CLIENTS, EACH = 6, 8
BODY = {"features": [1000.0, *[1.0] * 783]}  # 20 ms of the model, one after the other


async def load(url: str) -> float:
    """Have each client ask again as soon as it is answered; the seconds that it took."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:

        async def client() -> None:
            for _ in range(EACH):
                answer = await http.post("/api/v1/predict", json=BODY)
                assert answer.status_code == 200

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return time.perf_counter() - began


def test_what_waits_and_what_is_worked_on_is_in_flight(store: Path, tmp_path: Path) -> None:
    who = {"model": "slow", "version": "1.0.0"}
    with RunningServer(store, tmp_path, {"slow": "1.0.0"}, batch_max_size="1") as server:
        server.until_ready()
        before = server.metric("prediction_latency_seconds_sum", **who)
        took = asyncio.run(load(server.url))
        after = server.metric("prediction_latency_seconds_sum", **who)
    in_flight = (after - before) / took
    # One at a time is worked on. What the clients themselves take is not in flight.
    assert CLIENTS / 2 < in_flight <= CLIENTS
