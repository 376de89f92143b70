"""More load than a model can take: liveness answers, the queue has an end, nothing is lost."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.running import RunningServer, eventually

pytestmark = pytest.mark.timing
SLOW_ROW = [1000.0, *[1.0] * 783]


_LOAD = """
import sys, threading, urllib.request
url, body, clients = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
def ask():
    while True:
        assert urllib.request.urlopen(urllib.request.Request(url, body), timeout=60).status == 200
        print(flush=True)
for _ in range(clients):
    threading.Thread(target=ask, daemon=True).start()
sys.stdin.read()
"""


def liveness_under(url: str, body: bytes, clients: int, server: RunningServer, work: Path) -> float:
    """The median of the seconds that liveness takes while `clients` send `body` all the time.

    The median, because the machine may be busy with other things; a blocked event loop would show
    in it, since it would be blocked for most of the time.
    """
    file = work / "body.json"
    file.write_bytes(body)
    with subprocess.Popen(
        [sys.executable, "-c", _LOAD, url, str(file), str(clients)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as load:
        try:
            assert load.stdout is not None
            assert load.stdout.readline()  # the first answer: from now on the server is busy
            took = []
            for _ in range(31):
                time.sleep(0.05)  # a clock's pace, else most questions come between two bodies
                start = time.perf_counter()
                assert server.probes.get("/health/live").status_code == 200
                took.append(time.perf_counter() - start)
            assert load.poll() is None
        finally:
            load.kill()
    return statistics.median(took)


@pytest.mark.parametrize("model", ["sleeps", "computes"])
def test_liveness_within_100_ms(store: Path, tmp_path: Path, model: str) -> None:
    """`computes` keeps the interpreter busy with plain Python, the hardest case."""
    with RunningServer(store, tmp_path, {model: "1.0.0"}, batch_max_size="4") as server:
        server.until_ready()
        url, body = f"{server.url}/api/v1/predict", json.dumps({"features": SLOW_ROW}).encode()
        assert liveness_under(url, body, 24, server, tmp_path) < 0.1


@pytest.fixture(scope="module")
def forest(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """With the limits that a server has by default."""
    work = tmp_path_factory.mktemp("forest")
    with RunningServer(store, work, {"random_forest": "1.0.0"}) as server:
        yield server.until_ready()


ROWS = 1000 * [784 * [1]]
LARGE = {
    "the guide's": ("/api/v1/predict/batch", {"features": ROWS}),
    "the protocol's, flat": ("INT64", [number for row in ROWS for number in row]),
    "the protocol's, rows": ("FP32", ROWS),
    "the protocol's, images": ("FP32", [[row] for row in ROWS]),
}


@pytest.mark.parametrize(("kind", "data"), LARGE.values(), ids=LARGE)
def test_liveness_while_large_bodies_are_decoded(
    forest: RunningServer, tmp_path: Path, kind: str, data: Any
) -> None:
    path, body = kind, data
    if isinstance(data, list):
        path = "/v2/models/random_forest/infer"
        shape = [1000, 1, 784] if isinstance(data[0], list) and len(data[0]) == 1 else [1000, 784]
        tensor = {"name": "features", "shape": shape, "datatype": kind, "data": data}
        body = {"inputs": [tensor]}
    encoded = json.dumps(body).encode()
    assert liveness_under(forest.url + path, encoded, 2, forest, tmp_path) < 0.1


async def post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/api/v1/predict", json={"features": SLOW_ROW})


async def test_the_queue_has_an_end(store: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.touch()
    labels = {"model": "sleeps", "version": "1.0.0"}
    with RunningServer(
        store,
        tmp_path,
        {"sleeps": "1.0.0"},
        batch_max_size="1",
        max_queue="3",
        request_timeout="60s",
        TEST_HELD=str(held),
    ) as server:
        await asyncio.to_thread(server.until_ready)

        def refused_are(number: int) -> bool:
            return server.metric("predictions_total", **labels, status="refused") == number

        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            asking = asyncio.gather(*[post(client) for _ in range(12)])
            await asyncio.to_thread(eventually, lambda: refused_are(8), "refusals")
            held.unlink()
            answers = await asking
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] * 4 + [503] * 8
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["code"] == "overloaded"
        assert refused_are(8)
        assert server.metric("predictions_total", **labels, status="success") == 4
