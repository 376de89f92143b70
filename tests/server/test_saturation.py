"""More load than a model can take: liveness answers, the queue has an end, nothing is lost."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.server.running import RunningServer

SLOW_ROW = [1000.0, *[1.0] * 783]


async def post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/api/v1/predict", json={"features": SLOW_ROW})


@pytest.mark.parametrize("model", ["sleeps", "computes"])
async def test_liveness_within_100_ms(store: Path, tmp_path: Path, model: str) -> None:
    """`computes` keeps the interpreter busy with plain Python, the hardest case."""
    with RunningServer(store, tmp_path, {model: "1.0.0"}, batch_max_size="4") as server:
        await asyncio.to_thread(server.until_ready)
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as client:
            load = [asyncio.create_task(post(client)) for _ in range(40)]
            slowest = 0.0
            for _ in range(40):
                start = time.perf_counter()
                assert (await client.get("/health/live")).status_code == 200
                slowest = max(slowest, time.perf_counter() - start)
            answers = await asyncio.gather(*load)
        assert {answer.status_code for answer in answers} == {200}
        assert slowest < 0.1


async def test_the_queue_has_an_end(store: Path, tmp_path: Path) -> None:
    with RunningServer(
        store, tmp_path, {"sleeps": "1.0.0"}, batch_max_size="1", max_queue="3"
    ) as server:
        await asyncio.to_thread(server.until_ready)
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            answers = await asyncio.gather(*[post(client) for _ in range(12)])
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] * 4 + [503] * 8
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["code"] == "overloaded"
        labels = {"model": "sleeps", "version": "1.0.0"}
        assert server.metric("predictions_total", **labels, status="error") == 8
        assert server.metric("predictions_total", **labels, status="success") == 4
