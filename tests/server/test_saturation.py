"""More load than a model can take: liveness answers, the queue has an end, nothing is lost."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.server.running import RunningServer

SLOW_ROW = [1000.0, *[1.0] * 783]


_LOAD = """
import sys, threading, urllib.request
def ask():
    while True:
        request = urllib.request.Request(sys.argv[1], sys.argv[2].encode())
        assert urllib.request.urlopen(request, timeout=60).status == 200
        print(flush=True)
for _ in range(24):
    threading.Thread(target=ask, daemon=True).start()
sys.stdin.read()
"""


@pytest.mark.parametrize("model", ["sleeps", "computes"])
def test_liveness_within_100_ms(store: Path, tmp_path: Path, model: str) -> None:
    """`computes` keeps the interpreter busy with plain Python, the hardest case.

    The median, because the machine may be busy with other things; a blocked event loop would show
    in it, since each batch takes 300 ms and more.
    """
    with RunningServer(store, tmp_path, {model: "1.0.0"}, batch_max_size="4") as server:
        server.until_ready()
        url, body = f"{server.url}/api/v1/predict", json.dumps({"features": SLOW_ROW})
        with subprocess.Popen(
            [sys.executable, "-c", _LOAD, url, body],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as load:
            assert load.stdout is not None
            load.stdout.readline()  # the first answer has come: from now on the model is busy
            took = []
            for _ in range(31):
                start = time.perf_counter()
                assert server.client.get("/health/live").status_code == 200
                took.append(time.perf_counter() - start)
            load.kill()
        assert statistics.median(took) < 0.1


async def post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/api/v1/predict", json={"features": SLOW_ROW})


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
