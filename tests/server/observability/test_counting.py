"""The metrics tell exactly what happened."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.conftest import Truth
from tests.server.example_store import LABELS, Data
from tests.server.running import RunningServer
from transit_server.observability.metrics import Metrics

Sample = tuple[str, frozenset[tuple[str, str]]]


def key(name: str, **labels: str) -> Sample:
    return name, frozenset({key.rstrip("_"): value for key, value in labels.items()}.items())


def test_exactly(store: Path, tmp_path: Path, data: Data, truth: Truth) -> None:
    models = {"random_forest": "1.1.0", "xgboost": "1.1.0"}
    with RunningServer(store, tmp_path, models, default_model="ensemble") as server:
        server.until_ready()
        start = server.metrics()
        for model in models:
            who = {"model": model, "version": "1.1.0"}
            for status in ("success", "error", "invalid", "refused"):
                assert start[key("predictions_total", **who, status=status)] == 0
            for label in LABELS:
                assert start[key("predicted_class_total", **who, class_=label)] == 0
            assert start[key("prediction_latency_seconds_count", **who)] == 0
            assert start[key("model_ready", **who)] == 1
            assert 0 < start[key("model_load_time_seconds", **who)] < 60

        rows = [[float(value) for value in row] for row in data.rows]
        for row in rows[:10]:
            server.predict(row, model="xgboost")
        server.client.post("/api/v1/predict/batch", json={"features": rows, "model": "xgboost"})
        server.predict(rows[0], return_all_models=True)
        server.predict(rows[0][:-1], model="xgboost")  # invalid for one
        server.predict(rows[0][:-1])  # invalid for both: auto is the ensemble
        server.client.post("/api/v1/predict", content=b"{")  # invalid, and nobody knows for whom
        server.client.post("/api/v1/models/xgboost/predict", content=b"{")
        server.client.post("/v2/models/xgboost/infer", content=b"{}")
        after = server.metrics()

    boosted = {"model": "xgboost", "version": "1.1.0"}
    forest = {"model": "random_forest", "version": "1.1.0"}
    assert after[key("predictions_total", **boosted, status="success")] == 10 + 1 + 1
    assert after[key("predicted_rows_total", **boosted, status="success")] == 10 + 64 + 1
    assert after[key("predictions_total", **boosted, status="invalid")] == 5
    assert after[key("predictions_total", **boosted, status="error")] == 0
    assert after[key("predictions_total", **forest, status="success")] == 1
    assert after[key("predictions_total", **forest, status="invalid")] == 2
    assert after[key("prediction_latency_seconds_count", **boosted)] == 10 + 1 + 1
    assert after[key("prediction_latency_seconds_count", **forest)] == 1
    expected = truth.xgboost(data.rows).argmax(axis=1)
    for index, label in enumerate(LABELS):
        wanted = (expected == index).mean() + (expected[:10] == index).sum()
        wanted += int(expected[0] == index)
        counted = after[key("predicted_class_total", **boosted, class_=label)]
        assert counted == pytest.approx(wanted)


def test_an_alias_is_counted_under_its_version(store: Path, tmp_path: Path, data: Data) -> None:
    (store / "xgboost" / "stable").unlink(missing_ok=True)
    (store / "xgboost" / "stable").symlink_to("v1.0.0")
    with RunningServer(store, tmp_path, {"xgboost": "stable"}) as server:
        server.until_ready()
        answer = server.predict([float(value) for value in data.rows[0]]).json()
        assert answer["model"]["version"] == "1.0.0"
        assert server.metric("predictions_total", model="xgboost", version="1.0.0",
                             status="success") == 1  # fmt: skip


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_operation_counts_nothing(trees: RunningServer, path: str) -> None:
    def told() -> str:
        return trees.probes.get("/metrics").text

    told()  # feedback of other tests is counted after the scrape that shows it at 0
    before = told()
    trees.probes.get(path)
    assert told() == before


def test_every_request_is_counted_by_route_and_status(trees: RunningServer) -> None:
    """Also what no route has seen, and never under a path as it was sent."""

    def counted(route: str, status: int) -> float:
        key = "http_requests_total", frozenset({("route", route), ("status", str(status))})
        return trees.metrics().get(key, 0.0)

    def raw(sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", trees.port), 20) as link:
            link.sendall(sent)
            return link.recv(65536)

    info, batch = "/api/v1/models/{name}/info", "/api/v1/predict/batch"
    cases: list[tuple[str, int, Callable[[], object]]] = [
        (info, 200, lambda: trees.client.get("/api/v1/models/xgboost/info")),
        (info, 404, lambda: trees.client.get("/api/v1/models/secret/info")),
        (batch, 413, lambda: trees.client.post(batch, content=b" " * (3 * 2**20))),
        ("", 404, lambda: trees.client.get("/a/secret")),
        ("", 405, lambda: trees.client.get("/api/v1/predict")),
        ("", 400, lambda: raw(b"nonsense\r\n\r\n")),
        ("", 431, lambda: raw(b"GET / HTTP/1.1\r\nx: " + b"y" * 600_000)),
    ]
    for route, status, ask in cases:
        before = counted(route, status)
        ask()
        assert counted(route, status) == before + 1, (route, status)
    assert counted(batch, 500) == 0.0, "it is there before it is needed"
    assert "secret" not in trees.probes.get("/metrics").text


def test_libraries_are_told_of_once_they_are_known() -> None:
    metrics = Metrics("ml/kepler", "r1")
    model = metrics.model("forest", "1.0.0")
    assert b"model_dependencies_differing{" not in metrics.expose()
    model.differs(0)
    assert b'model_dependencies_differing{model="forest"' in metrics.expose()
