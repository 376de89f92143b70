"""Feedback: joined with what was predicted, counted under the revision that predicted, once."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tests.server.example_store import LABELS, Data
from tests.server.running import RunningServer
from transit_server.observability.feedback_series import FeedbackSeries

OTHER = "aaaa000011"
BY = {"name": "xgboost", "version": "1.0.0", "revision": OTHER}


def tell(server: RunningServer, **body: Any) -> httpx.Response:
    return server.client.post("/api/v1/feedback", json=body)


def counts(server: RunningServer, **labels: str) -> dict[str, float]:
    """Outcome → count, of the series with these labels."""
    found = {}
    for line in server.client.get("/metrics").text.splitlines():
        if line.startswith("prediction_feedback_total{") and all(
            f'{name}="{value}"' in line for name, value in labels.items()
        ):
            outcome = line.split('outcome="')[1].split('"')[0]
            found[outcome] = float(line.rsplit(" ", 1)[1])
    return found


def row(data: Data, index: int) -> list[float]:
    return [float(value) for value in data.rows[index]]


def wrong(label: str) -> str:
    return next(other for other in LABELS if other != label)


def test_by_request_id_alone(trees: RunningServer, data: Data) -> None:
    labels = {"revision": "7f9c4d2b1a", "model": "xgboost", "version": "1.0.0"}
    counts(trees)  # a scrape, so that nothing of earlier tests is held back
    before = {"correct": 0.0, "wrong": 0.0, **counts(trees, **labels)}
    for index in range(5):
        answer = trees.predict(row(data, index), model="xgboost").json()
        said = answer["prediction"]["class"]
        label = said if index < 3 else wrong(said)
        got = tell(trees, request_id=answer["metadata"]["request_id"], label=label)
        assert got.status_code == 200, got.text
        assert got.json()["outcome"] == ("correct" if index < 3 else "wrong")
        again = tell(trees, request_id=answer["metadata"]["request_id"], label=label)
        assert again.json()["counted"] is False
    counts(trees, **labels)
    after = counts(trees, **labels)
    assert (after["correct"] - before["correct"], after["wrong"] - before["wrong"]) == (3, 2)


def test_the_ensembles_answer(trees: RunningServer, data: Data) -> None:
    answer = trees.predict(row(data, 0)).json()
    got = tell(trees, request_id=answer["metadata"]["request_id"],
               label=answer["prediction"]["class"])  # fmt: skip
    assert got.json()["model"]["name"] == "ensemble"
    assert got.json()["model"]["version"] == "random_forest-1.0.0+xgboost-1.0.0"


def test_of_another_revision(trees: RunningServer, data: Data) -> None:
    """As behind a Service: the pod that hears it is not the one that predicted. The series is seen
    at 0 first, or Prometheus would lose its first counts.
    """
    for index in range(4):
        got = tell(trees, label="ANYTHING", prediction="ANYTHING", model=BY, request_id=f"r{index}")
        assert got.json() == {
            "outcome": "correct",
            "counted": True,
            "model": {**BY, "latency_ms": 0.0},
        }
    tell(trees, label="A", prediction="B", model=BY)
    assert counts(trees, revision=OTHER) == {"correct": 0, "wrong": 0}
    assert counts(trees, revision=OTHER) == {"correct": 4, "wrong": 1}
    tell(trees, label="A", prediction="B", model=BY)
    assert counts(trees, revision=OTHER) == {"correct": 4, "wrong": 2}


def test_the_answers_own_words_can_be_sent_back(trees: RunningServer, data: Data) -> None:
    answer = trees.predict(row(data, 1), model="xgboost").json()
    got = tell(
        trees,
        label=wrong(answer["prediction"]["class"]),
        prediction=answer["prediction"]["class"],
        model=answer["model"],
        request_id=answer["metadata"]["request_id"],
    )
    assert (got.status_code, got.json()["outcome"]) == (200, "wrong")


def test_rows_of_a_batch(trees: RunningServer, data: Data) -> None:
    body = {"features": [row(data, 0), row(data, 1)], "model": "xgboost"}
    answer = trees.client.post("/api/v1/predict/batch", json=body).json()
    request_id = answer["metadata"]["request_id"]
    assert tell(trees, request_id=request_id, label="CONFIRMED").status_code == 404
    for index, prediction in enumerate(answer["predictions"]):
        got = tell(trees, request_id=request_id, row=index, label="CONFIRMED",
                   prediction=prediction["class"], model=answer["model"])  # fmt: skip
        assert got.json()["counted"] is True


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, None),
        ({"label": "CONFIRMED"}, 422, "request_id"),
        ({"label": "CONFIRMED", "request_id": "unheard-of"}, 404, "request_id"),
        ({"label": "", "request_id": "x"}, 422, "label"),
        ({"label": True, "request_id": "x"}, 422, "label"),
        ({"label": 3, "prediction": "B", "model": BY}, 422, "label"),
        ({"label": "A", "prediction": 3, "model": BY}, 422, "prediction"),
        ({"label": "A", "prediction": "B"}, 422, "model"),
        ({"label": "A", "model": BY}, 422, "prediction"),
        ({"label": "A", "prediction": "B", "model": {**BY, "name": "resnet"}}, 404, "model"),
        ({"label": "A", "prediction": "B", "model": {**BY, "revision": "A B"}}, 422,
         "model.revision"),
        ({"label": "A", "prediction": "B", "model": {**BY, "revision": "a\n"}}, 422,
         "model.revision"),
        ({"label": "A", "prediction": "B", "model": {**BY, "revision": "7f9c4d2b1a"}}, 422,
         "label"),
    ],
)  # fmt: skip
def test_refused(
    trees: RunningServer, body: dict[str, Any], status: int, field: str | None
) -> None:
    got = tell(trees, **body)
    assert got.status_code == status, got.text
    assert got.json()["error"]["field"] == field


def test_memory_has_an_end(store: Path, tmp_path: Path, data: Data) -> None:
    with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}, feedback_memory="2") as server:
        server.until_ready()
        answers = [server.predict(row(data, index)).json() for index in range(3)]
        statuses = [
            tell(server, request_id=answer["metadata"]["request_id"], label=LABELS[0]).status_code
            for answer in answers
        ]
        assert statuses == [404, 200, 200]


def test_foreign_series_are_limited() -> None:
    registry = CollectorRegistry()
    series = FeedbackSeries(registry, "ml/kepler", limit=2)
    for revision in ("a", "b", "c"):
        series.count(revision, "m", "1.0.0", "wrong")
    series.shown(series.held())
    text = generate_latest(registry).decode()
    assert 'revision="a"' not in text
    assert text.count("prediction_feedback_total{") == 4
    assert 'outcome="wrong",revision="b",version="1.0.0"} 1.0' in text
