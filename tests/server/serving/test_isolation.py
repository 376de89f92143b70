"""A row that fails is one client's error: not hidden, not spread to others, and counted."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.example_store import Data
from tests.server.running import RunningServer, eventually

MARK = 1000.0


@pytest.fixture(scope="module")
def flawed(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    models = {"raises": "1.0.0", "batchy": "1.0.0"}
    with RunningServer(store, tmp_path_factory.mktemp("flawed"), models) as server:
        yield server.until_ready()


def good_and_bad(data: Data) -> list[list[float]]:
    rows = [[float(value) for value in row] for row in data.rows[:24]]
    for index in range(0, len(rows), 3):
        rows[index][0] = MARK
    return rows


async def test_only_the_bad_row_of_a_shared_batch_fails(flawed: RunningServer, data: Data) -> None:
    model = "raises"
    before = flawed.metrics()
    rows = good_and_bad(data)
    async with httpx.AsyncClient(base_url=flawed.url, timeout=30) as client:
        answers = await asyncio.gather(
            *[
                client.post(f"/api/v1/models/{model}/predict", json={"features": row})
                for row in rows
            ]
        )
    for index, answer in enumerate(answers):
        assert answer.status_code == (500 if index % 3 == 0 else 200)
        if index % 3 == 0:
            error = answer.json()["error"]
            assert error["code"] == "prediction_failed"
            assert model in error["message"]

    def grown(status: str) -> float:
        key = ("predictions_total", frozenset(
            {"model": model, "version": "1.0.0", "status": status}.items()))  # fmt: skip
        return flawed.metrics()[key] - before[key]

    eventually(lambda: grown("input_error") == 8, "failures counted", 30)
    assert (grown("success"), grown("error"), grown("invalid")) == (16, 0, 0)


def test_batch_answers_the_good_rows_with_207(flawed: RunningServer, data: Data) -> None:
    model = "raises"
    body = {"features": good_and_bad(data), "model": model}
    response = flawed.client.post("/api/v1/predict/batch", json=body)
    assert response.status_code == 207
    answer = response.json()
    assert answer["failed"] == 8
    for index, item in enumerate(answer["predictions"]):
        if index % 3 == 0:
            assert item["error"]["code"] == "prediction_failed"
            assert item["error"]["field"] == f"features[{index}]"
        else:
            alone = flawed.client.post(
                f"/api/v1/models/{model}/predict", json={"features": body["features"][index]}
            ).json()["prediction"]
            assert item["class_id"] == alone["class_id"]
            assert item["confidence"] == pytest.approx(alone["confidence"], abs=1e-5)


def test_batch_of_failures_only_is_a_500(flawed: RunningServer, data: Data) -> None:
    bad = good_and_bad(data)[0]
    body = {"features": [bad, bad], "model": "raises"}
    assert flawed.client.post("/api/v1/predict/batch", json=body).status_code == 500


def test_the_reason_is_told_without_values_in_the_log(flawed: RunningServer, data: Data) -> None:
    row = good_and_bad(data)[0]
    body = {"features": row}
    response = flawed.client.post("/api/v1/models/raises/predict", json=body)
    said = response.json()["error"]["message"]
    assert "preprocessing failed on this row (ValueError); request id req_" in said
    log = flawed.log.read_text()
    assert "(ValueError): first value out of range at " in log
    assert str(row[5]) not in log


def test_a_model_whose_answers_depend_on_the_batch_is_not_batched(flawed: RunningServer) -> None:
    info = flawed.client.get("/api/v1/models/batchy/info").json()
    assert "not batched" in info["engine_note"]


async def test_clients_that_hang_up_harm_nobody(flawed: RunningServer, data: Data) -> None:
    rows = [[float(value) for value in row] for row in data.rows]
    async with httpx.AsyncClient(base_url=flawed.url, timeout=30) as client:

        async def impatient(row: list[float]) -> None:
            with pytest.raises(httpx.TimeoutException):
                await client.post(
                    "/api/v1/models/raises/predict", json={"features": row}, timeout=0.0001
                )

        async def patient(row: list[float]) -> int:
            answer = await client.post("/api/v1/models/raises/predict", json={"features": row})
            return answer.status_code

        waiting = [patient(row) for row in rows]
        hanging_up = [impatient(row) for row in rows]
        results = await asyncio.gather(*hanging_up, *waiting)
    assert [result for result in results if result is not None] == [200] * len(rows)
