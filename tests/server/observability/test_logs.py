"""The log: a JSON object a line, one line for a request that is worth one, and nothing of what
clients sent.
"""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import RunningServer
from transit_server.observability.logs import JsonFormatter

SECRET = 0.8172635445362718
ROW = [SECRET, *[1.0] * 783]
BAD = [1000.0, SECRET, *[1.0] * 782]


def lines(server: RunningServer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def requests(server: RunningServer) -> list[dict[str, Any]]:
    return [line for line in lines(server) if line["message"] == "request"]


def provoke(server: RunningServer) -> None:
    """Everything that may tempt a server to write down what it got."""
    key = {"X-API-Key": "key-" + str(SECRET)}
    server.client.post("/api/v1/predict", json={"features": ROW}, headers=key)
    server.client.post(f"/api/v1/predict?x={SECRET}", json={"features": BAD}, headers=key)
    server.client.post("/api/v1/predict", json={"features": [str(SECRET)]})
    server.client.post("/api/v1/predict", content=str(SECRET).encode())
    server.client.post(f"/api/v1/models/{SECRET}/predict", json={"features": ROW})
    server.client.get(f"/{SECRET}")
    server.client.post(
        "/v2/models/raises/infer",
        json={"inputs": [{"name": "features", "shape": [1, 784], "datatype": "FP64", "data": BAD}]},
    )


@pytest.mark.parametrize(
    ("access_log", "statuses"),
    [("all", [200, 500, 422, 422, 404, 500]), ("errors", [500, 500]), ("off", [])],
)
def test_access_log(store: Path, tmp_path: Path, access_log: str, statuses: list[int]) -> None:
    with RunningServer(
        store, tmp_path, {"raises": "1.0.0"}, access_log=access_log, log_level="debug"
    ) as server:
        server.until_ready()
        provoke(server)
        written = [line for line in requests(server) if line["method"] == "POST"]
        assert [line["status"] for line in written] == statuses
        assert str(SECRET)[2:] not in server.log.read_text()
        for line in lines(server):
            assert {"time", "level", "logger", "message"} <= set(line)
        if access_log == "all":
            good, bad = written[:2]
            assert (
                good.items()
                >= {
                    "route": "/api/v1/predict",
                    "model": "raises",
                    "version": "1.0.0",
                    "revision": "7f9c4d2b1a",
                    "level": "info",
                }.items()
            )
            assert good["request_id"].startswith("req_")
            assert 0 < good["ms"] < 10_000
            assert (bad["code"], bad["level"]) == ("prediction_failed", "warning")
            named = [line for line in written if line["route"] == "/api/v1/models/{name}/predict"]
            assert named[0]["status"] == 404


def test_the_request_id_is_the_clients(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"raises": "1.0.0"}) as server:
        server.until_ready()
        server.client.post(
            "/api/v1/predict", json={"features": BAD}, headers={"X-Request-ID": "order-66"}
        )
        assert [line["request_id"] for line in requests(server)] == ["order-66"]


def test_an_exception_is_told_without_its_text() -> None:
    try:
        float(f"{SECRET} apples")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "it %s", ("broke",), (ValueError, error, None)
        )
    line = json.loads(JsonFormatter().format(record))
    assert (line["message"], line["error"], line["level"]) == ("it broke", "ValueError", "error")
    assert "test_logs.py" in line["at"][-1]
    assert "apples" not in json.dumps(line)
