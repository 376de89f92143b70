"""One client can't hurt another, nor sway what a rollout is judged by; against the real process."""

import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.running import RunningServer, eventually

GOOD = [1.0] * 784
BAD = [1000.0, *GOOD[1:]]  # what the models of these tests are slow at, fail at, or hang on


def counted(server: RunningServer, model: str, status: str) -> float:
    return server.metric("predictions_total", model=model, version="1.0.0", status=status)


def measured(server: RunningServer, model: str) -> float:
    return server.metric("prediction_latency_seconds_count", model=model, version="1.0.0")


def waiting_rows(server: RunningServer, model: str) -> float:
    return server.metric("model_queue_rows", model=model, version="1.0.0")


def ready_metric(server: RunningServer, model: str) -> float:
    return server.metric("model_ready", model=model, version="1.0.0")


async def batch(client: httpx.AsyncClient, rows: list[list[float]]) -> httpx.Response:
    return await client.post("/api/v1/predict/batch", json={"features": rows})


async def one(client: httpx.AsyncClient, row: list[float]) -> httpx.Response:
    return await client.post("/api/v1/predict", json={"features": row})


@pytest.fixture
def slow(store: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """20 ms for each row, so that 400 rows take eight seconds."""
    with RunningServer(
        store, tmp_path, {"slow": "1.0.0"}, batch_max_size="8", max_queue="256", access_log="all"
    ) as server:
        yield server.until_ready()


async def test_single_rows_are_answered_beside_a_large_batch(slow: RunningServer) -> None:
    """It is larger than the queue, and finds nobody waiting; they come behind it."""
    async with httpx.AsyncClient(base_url=slow.url, timeout=60) as client:
        large = asyncio.create_task(batch(client, [BAD] * 400))
        await asyncio.to_thread(
            lambda: eventually(lambda: waiting_rows(slow, "slow") > 300, "a queue")
        )
        answers = [await one(client, BAD) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert not large.done()
        answer = await large
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 400


async def test_rows_come_back_in_their_order_though_batches_are_shared(
    store: Path, tmp_path: Path
) -> None:
    models = {"random_forest": "1.0.0"}
    rows = [[float(row + column) for column in range(784)] for row in range(60)]
    with RunningServer(store, tmp_path, models, batch_max_size="7") as server:
        await asyncio.to_thread(server.until_ready)
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            alone = [(await one(client, row)).json()["prediction"] for row in rows]
            several = await asyncio.gather(*[batch(client, rows[n:]) for n in range(4)])
    for start, answer in enumerate(several):
        said = [item["confidence"] for item in answer.json()["predictions"]]
        assert said == pytest.approx([item["confidence"] for item in alone[start:]], abs=1e-5)


async def test_what_cannot_be_done_in_time_is_refused_at_once(store: Path, tmp_path: Path) -> None:
    """As a refusal: no error, no latency. It is known from the batch before."""
    with RunningServer(
        store, tmp_path, {"slow": "1.0.0"}, batch_max_size="8", request_timeout="2s"
    ) as server:
        await asyncio.to_thread(server.until_ready)
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            assert (await batch(client, [BAD] * 8)).status_code == 200
            before = measured(server, "slow")
            large = await batch(client, [BAD] * 400)
            assert large.status_code == 503
            assert large.json()["error"]["code"] == "overloaded"
            assert "send fewer rows" in large.json()["error"]["message"]
            assert int(large.headers["retry-after"]) >= 1
            assert (await batch(client, [BAD] * 20)).status_code == 200
        assert counted(server, "slow", "refused") == 1
        assert counted(server, "slow", "error") == 0
        assert measured(server, "slow") == before + 1


async def test_a_batch_that_is_too_late_is_one_error(store: Path, tmp_path: Path) -> None:
    """Before anything is known of the model's pace."""
    with RunningServer(
        store, tmp_path, {"slow": "1.0.0"}, batch_max_size="8", request_timeout="1s"
    ) as server:
        await asyncio.to_thread(server.until_ready)
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            late = await batch(client, [BAD] * 400)
            assert late.status_code == 504
            assert (await one(client, GOOD)).status_code == 200
        assert counted(server, "slow", "error") == 1
        assert counted(server, "slow", "success") == 1
        rows = {"model": "slow", "version": "1.0.0", "status": "error"}
        assert server.metric("predicted_rows_total", **rows) == 400


async def test_one_request_weighs_one(store: Path, tmp_path: Path) -> None:
    """In the outcomes and in the classes; also one of which some rows failed."""
    with RunningServer(store, tmp_path, {"raises": "1.0.0"}) as server:
        await asyncio.to_thread(server.until_ready)
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            assert (await batch(client, [GOOD] * 100)).status_code == 200
            assert (await batch(client, [GOOD] * 75 + [BAD] * 25)).status_code == 207
            assert (await one(client, GOOD)).status_code == 200
        assert counted(server, "raises", "success") == pytest.approx(2.75)
        eventually(lambda: counted(server, "raises", "input_error") > 0, "the rest counted", 30)
        assert counted(server, "raises", "input_error") == pytest.approx(0.25)
        classes = [
            v for (name, _), v in server.metrics().items() if name == "predicted_class_total"
        ]
        assert sum(classes) == pytest.approx(2.75)


ENOUGH = 50  # more than opens a circuit, by far


async def test_rows_that_fail_are_nobody_elses(store: Path, tmp_path: Path) -> None:
    """One client's, as fast as it can; the model answers its own probes, so nobody is refused."""
    with RunningServer(
        store, tmp_path, {"raises": "1.0.0"}, breaker_failures="3", breaker_open_for="1s"
    ) as server:
        await asyncio.to_thread(server.until_ready)
        ended = False

        failed = [0] * 4

        async def fails(number: int) -> None:
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
                while not ended:
                    assert (await one(client, BAD)).status_code == 500
                    failed[number] += 1

        async with asyncio.timeout(120), asyncio.TaskGroup() as failing:
            for number in range(4):
                failing.create_task(fails(number))
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
                answers: list[int] = []
                while min(failed) < ENOUGH or len(answers) < ENOUGH:
                    answers.append((await one(client, GOOD)).status_code)
                ready = server.probes.get("/health/ready")
            ended = True
        assert set(answers) == {200}
        assert ready.status_code == 200
        assert ready.json() == {"status": "ready"}


def hang_up_on(server: RunningServer, body: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    head = f"POST /api/v1/predict/batch HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def test_rows_of_clients_that_hang_up_are_not_computed(slow: RunningServer) -> None:
    """Of 20 clients with 12 rows each, five seconds of work, nobody waits for an answer."""
    body = json.dumps({"features": [BAD] * 12}).encode()
    clients = [hang_up_on(slow, body) for _ in range(20)]
    eventually(lambda: waiting_rows(slow, "slow") > 200, "a queue")
    for client in clients:
        client.close()
    eventually(lambda: waiting_rows(slow, "slow") == 0, "an empty queue")
    assert slow.predict(BAD).status_code == 200
    assert counted(slow, "slow", "success") == 1
    assert counted(slow, "slow", "error") == 0
    assert measured(slow, "slow") == 21, "who has waited in vain has waited"


def test_a_hanging_row_ends_the_process_and_does_not_come_back(store: Path, tmp_path: Path) -> None:
    """Three lives of a container: another row was in its batch, it is alone, it is refused."""
    settings = {"request_timeout": "1s", "hang_timeout": "2s", "breaker_failures": "0"}

    def life() -> RunningServer:
        return RunningServer(store, tmp_path, {"hangs": "1.0.0"}, **settings)

    def ended(server: RunningServer) -> None:
        assert server.process.wait(30) == 1
        line = server.termination_log.read_text()
        assert "model hangs 1.0.0 hung" in line

    with life() as server:
        server.until_ready()
        with ThreadPoolExecutor(2) as pool:
            both = {"features": [GOOD, BAD]}
            asked = pool.submit(server.client.post, "/api/v1/predict/batch", json=both)
            eventually(lambda: ready_metric(server, "hangs") == 0, "a model that is not ready", 10)
            assert server.status("/health/ready") == 503
            assert server.client.get("/v2/models/hangs/ready").status_code == 503
            assert server.status("/health/live") == 200
            assert asked.result().status_code == 504
        ended(server)
    with life() as server:
        server.until_ready()
        assert server.predict(GOOD).status_code == 200, "a suspect goes alone, and is answered"
        assert server.predict(BAD).status_code == 504
        ended(server)
    with life() as server:
        server.until_ready()
        refused = server.predict(BAD)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "row_in_quarantine")
        in_a_batch = server.client.post("/api/v1/predict/batch", json={"features": [GOOD, BAD]})
        assert in_a_batch.status_code == 422
        assert in_a_batch.json()["error"]["field"] == "features[1]"
        assert server.predict(GOOD).status_code == 200
        assert server.status("/health/ready") == 200
        assert counted(server, "hangs", "input_error") == 2
        assert counted(server, "hangs", "error") == 0
    kept = (tmp_path / "cache" / "hung-rows.json").read_text()
    assert "1000" not in kept


def test_the_rate_is_of_rows(store: Path, tmp_path: Path) -> None:
    with RunningServer(
        store, tmp_path, {"random_forest": "1.0.0"}, rate_limit="0.5", rate_burst="10"
    ) as server:
        server.until_ready()

        def ask(rows: int) -> httpx.Response:
            body = {"features": [GOOD] * rows}
            return server.client.post("/api/v1/predict/batch", json=body)

        too_large = ask(11)
        assert too_large.status_code == 429
        assert "10 rows at most" in too_large.json()["error"]["message"]
        assert ask(6).status_code == 200  # of 9: asking took one
        refused = ask(4)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 2
        tensor = {"name": "features", "shape": [3, 784], "datatype": "FP32", "data": 3 * GOOD}
        v2 = server.client.post("/v2/models/random_forest/infer", json={"inputs": [tensor]})
        assert v2.status_code == 429
        assert server.predict(GOOD).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/predict", "/api/v1/predict/batch", "/v2/models/leaks/infer"]
)
def test_an_exceptions_text_is_for_the_log_only(store: Path, tmp_path: Path, path: str) -> None:
    with RunningServer(store, tmp_path, {"leaks": "1.0.0"}) as server:
        server.until_ready()
        row: Any = {"features": BAD}
        if path.endswith("batch"):
            row = {"features": [BAD, GOOD]}
        elif path.startswith("/v2"):
            tensor = {"name": "features", "shape": [1, 784], "datatype": "FP32", "data": BAD}
            row = {"inputs": [tensor]}
        answer = server.client.post(path, json=row, headers={"x-request-id": "mine-1"})
        assert answer.status_code in (500, 207)
        said = answer.text
        assert "preprocessing failed on this row (LookupError); request id mine-1" in said
        for secret in ("tiger", "/srv", "1000"):
            assert secret not in said
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
        (line,) = [line for line in lines if "LookupError" in line["message"]]
        assert line["request_id"] == "mine-1"
        assert "postgres://scott:tiger@db/features" in line["message"]
        assert "1000" not in line["message"]
