"""The guide's API against a real server with real models: schema, values, choices."""

import re
from typing import Any, get_args

import numpy as np
import pytest

from tests.server.conftest import Truth
from tests.server.example_store import LABELS, Data
from tests.server.running import RunningServer
from transit_server.api.guide_answers import OneAnswer


def floats(row: Any) -> list[float]:
    return [float(value) for value in row]


def test_answer_has_the_schema_of_the_guide(trees: RunningServer, data: Data) -> None:
    response = trees.predict(floats(data.rows[0]), model="xgboost")
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"prediction", "model", "metadata"}
    guides = {"class", "class_id", "confidence", "probabilities"}
    assert set(body["prediction"]) == guides | {"feedback_token"}
    assert list(body["prediction"]["probabilities"]) == list(LABELS)
    assert body["prediction"]["class"] == LABELS[body["prediction"]["class_id"]]
    assert body["model"]["name"] == "xgboost"
    assert body["model"]["version"] == "1.0.0"
    assert body["model"]["revision"] == "7f9c4d2b1a"
    assert body["model"]["latency_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["metadata"]["timestamp"])
    assert body["metadata"]["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("name", ["random_forest", "xgboost"])
def test_answers_are_those_of_the_library(
    trees: RunningServer, data: Data, truth: Truth, name: str
) -> None:
    expected = getattr(truth, name)(data.rows)
    for row, scores in zip(data.rows[:16], expected, strict=False):
        body = trees.predict(floats(row), model=name).json()["prediction"]
        assert list(body["probabilities"].values()) == pytest.approx(scores, abs=1e-5)
        assert body["class_id"] == int(np.argmax(scores))
        assert body["confidence"] == pytest.approx(max(scores), abs=1e-5)


def test_path_of_a_model(trees: RunningServer, data: Data) -> None:
    row = floats(data.rows[0])
    response = trees.client.post("/api/v1/models/xgboost/predict", json={"features": row})
    assert response.json()["model"]["name"] == "xgboost"
    body = {"features": row, "model": "random_forest"}
    response = trees.client.post("/api/v1/models/xgboost/predict", json=body)
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "model"


def test_probabilities_are_left_out_on_request(trees: RunningServer, data: Data) -> None:
    body = trees.predict(floats(data.rows[0]), return_probabilities=False).json()
    assert "probabilities" not in body["prediction"]


def test_auto_is_the_default_model_here_the_ensemble(
    trees: RunningServer, data: Data, truth: Truth
) -> None:
    row = data.rows[3:4]
    mean = (truth.random_forest(row)[0] + truth.xgboost(row)[0]) / 2
    body = trees.predict(floats(row[0]), model="auto").json()
    assert body["model"]["name"] == "ensemble"
    assert body["model"]["version"] == "random_forest-1.0.0+xgboost-1.0.0"
    assert list(body["prediction"]["probabilities"].values()) == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("voting", ["soft", "hard"])
def test_comparison_of_all_models(
    trees: RunningServer, data: Data, truth: Truth, voting: str
) -> None:
    seen = set()
    for row in data.rows:
        response = trees.predict(floats(row), return_all_models=True, voting=voting)
        body = response.json()
        assert set(body) == {
            "ensemble_prediction",
            "individual_predictions",
            "agreement_score",
            "model",
            "metadata",
        }
        assert body["ensemble_prediction"]["voting"] == voting
        single = body["individual_predictions"]
        assert set(single) == {"random_forest", "xgboost"}
        for name, said in single.items():
            scores = getattr(truth, name)(row.reshape(1, -1))[0]
            assert said["class"] == LABELS[int(np.argmax(scores))]
            assert said["confidence"] == pytest.approx(max(scores), abs=1e-5)
            assert said["latency_ms"] > 0
            assert said["version"] == "1.0.0"
        agree = single["random_forest"]["class"] == single["xgboost"]["class"]
        assert body["agreement_score"] == (1.0 if agree else 0.5)
        seen.add(agree)
    assert True in seen


def test_batch(trees: RunningServer, data: Data, truth: Truth) -> None:
    rows = np.concatenate([data.rows, data.rows[:37]])  # more than one batch, and not a multiple
    body = {"features": [floats(row) for row in rows], "model": "random_forest"}
    response = trees.client.post("/api/v1/predict/batch", json=body)
    assert response.status_code == 200
    answer = response.json()
    assert answer["failed"] == 0
    assert answer["model"]["name"] == "random_forest"
    got = np.array([list(item["probabilities"].values()) for item in answer["predictions"]])
    assert got == pytest.approx(truth.random_forest(rows), abs=1e-5)


def test_batch_comparison(trees: RunningServer, data: Data) -> None:
    body = {"features": [floats(row) for row in data.rows[:3]], "return_all_models": True}
    answer = trees.client.post("/api/v1/predict/batch", json=body).json()
    assert len(answer["predictions"]) == 3
    for item in answer["predictions"]:
        assert set(item["individual_predictions"]) == {"random_forest", "xgboost"}


@pytest.mark.parametrize("given", ["req_abc123", "a" * 128, "x/y:z"])
def test_request_id_is_echoed(trees: RunningServer, data: Data, given: str) -> None:
    body = {"features": floats(data.rows[0])}
    response = trees.client.post("/api/v1/predict", json=body, headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == given
    assert response.json()["metadata"]["request_id"] == given


@pytest.mark.parametrize("given", ["", "two words", "a" * 129])
def test_an_unfit_request_id_is_replaced(trees: RunningServer, data: Data, given: str) -> None:
    body = {"features": floats(data.rows[0])}
    response = trees.client.post("/api/v1/predict", json=body, headers={"X-Request-ID": given})
    assert response.status_code == 200
    assert response.headers["x-request-id"].startswith("req_")


def test_models_info_and_health(trees: RunningServer) -> None:
    models = trees.client.get("/api/v1/models").json()
    assert models["default"] == "ensemble"
    assert all(re.fullmatch("[0-9a-f]{64}", model.pop("digest")) for model in models["models"])
    assert models["models"] == [
        {"name": "random_forest", "version": "1.0.0", "ready": True, "circuit": "closed"},
        {"name": "xgboost", "version": "1.0.0", "ready": True, "circuit": "closed"},
    ]
    info = trees.client.get("/api/v1/models/random_forest/info").json()
    assert info["engine"] == "onnxruntime"
    assert info["labels"] == list(LABELS)
    assert info["metadata"]["framework"] == "scikit-learn"
    assert info["revision"] == "7f9c4d2b1a"
    health = trees.client.get("/api/v1/health")
    assert (health.status_code, health.json()["status"]) == (200, "healthy")


def test_openapi_describes_the_bodies(trees: RunningServer) -> None:
    document = trees.client.get("/openapi.json").json()
    post = document["paths"]["/api/v1/predict"]["post"]
    body = post["requestBody"]["content"]["application/json"]
    assert set(body["schema"]["properties"]) == {
        "features",
        "model",
        "return_probabilities",
        "return_all_models",
        "voting",
    }
    assert set(body["example"]) <= set(body["schema"]["properties"])
    answers = post["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    assert {answer["title"] for answer in answers} == {
        kind.__name__ for kind in get_args(OneAnswer)
    }
    assert {"400", "404", "413", "422", "500", "503", "504"} <= set(post["responses"])
    assert trees.client.get("/docs").status_code == 200


def test_onnx_runtime_tells_its_maker_nothing(trees: RunningServer, data: Data) -> None:
    """With its telemetry on, it leaves a device id and a queue of events at home."""
    trees.predict(floats(data.rows[0]), model="random_forest")
    assert trees.client.get("/api/v1/models/random_forest/info").json()["engine"] == "onnxruntime"
    assert [path for path in trees.home.rglob("*") if path.is_file()] == []
