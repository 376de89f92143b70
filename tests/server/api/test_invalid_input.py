"""What clients do wrong → a 4xx that names field and reason, in the schema of its API."""

import json
from typing import Any

import pytest

from tests.server.example_store import FEATURES
from tests.server.running import RunningServer

ROW = [1.0] * FEATURES


def body(**changes: Any) -> bytes:
    return json.dumps({"features": ROW, "model": "xgboost", **changes}).encode()


def row_with(text: str, at: int = 3) -> bytes:
    values = ["1.0"] * FEATURES
    values[at] = text
    return b'{"features": [' + ", ".join(values).encode() + b"]}"


CASES: list[tuple[str, bytes, int, str | None, str]] = [
    ("empty", b"", 400, None, "not JSON"),
    ("cut off", b'{"features": [1.0, 2', 400, None, "not JSON"),
    ("no JSON", b"features=1", 400, None, "not JSON"),
    ("not UTF-8", b'{"model": "\xff\xfe"}', 400, None, "not JSON"),
    ("an array", b"[1, 2]", 422, None, "Expected `object`"),
    ("no features", b"{}", 422, None, "features"),
    ("too short", body(features=ROW[:-1]), 422, "features", "needs 784 numbers, got 783"),
    ("too long", body(features=[*ROW, 1.0]), 422, "features", "needs 784 numbers, got 785"),
    ("none at all", body(features=[]), 422, "features", "got 0"),
    ("a number", body(features=1.0), 422, "features", "Expected `array`"),
    ("text", row_with('"1.0"'), 422, "features[3]", "Expected `float`"),
    ("null", row_with("null"), 422, "features[3]", "Expected `float`"),
    ("true", row_with("true"), 422, "features[3]", "Expected `float`"),
    ("nested", row_with("[1.0]"), 422, "features[3]", "Expected `float`"),
    ("NaN", row_with("NaN"), 422, "features", "finite"),
    ("infinity", row_with("Infinity"), 422, "features", "finite"),
    ("minus infinity", row_with("-Infinity"), 422, "features", "finite"),
    ("beyond float64", row_with("1e999"), 422, "features[3]", "too large"),
    ("beyond float32", row_with("1e300"), 422, "features[3]", "32-bit"),
    ("unknown model", body(model="resnet"), 404, "model", "no model 'resnet'"),
    ("model no text", body(model=3), 422, "model", "Expected `str`"),
    ("unknown field", body(retrun_all_models=True), 422, None, "retrun_all_models"),
    ("flag no bool", body(return_all_models="yes"), 422, "return_all_models", "Expected `bool`"),
    ("unknown voting", body(voting="loud"), 422, "voting", "loud"),
    ("deep", b'{"features": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422, None, ""),
    ("deep unknown", b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422, None, ""),
    ("too large", b'{"features": [' + b" " * 32 * 2**20 + b"]}", 413, None, "at most"),
]


@pytest.mark.parametrize(
    ("sent", "status", "field", "words"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_predict(
    trees: RunningServer, sent: bytes, status: int, field: str | None, words: str
) -> None:
    response = trees.client.post("/api/v1/predict", content=sent)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"code", "message", "field"}
    assert words in error["message"]
    if field is not None:
        assert error["field"] == field
    assert response.headers["x-request-id"]
    assert response.headers["x-transit-revision"] == "7f9c4d2b1a"


BATCHES: list[tuple[str, Any, int, str]] = [
    ("no rows", [], 422, "features"),
    ("too many rows", [ROW[:1]] * 201, 422, "features"),
    ("a short row", [ROW, ROW[:3]], 422, "features[1]"),
    ("a bad value", [ROW, [*ROW[:-1], "x"]], 422, "features[1][783]"),
    ("not rows", [1.0, 2.0], 422, "features[0]"),
    ("no list", "x", 422, "features"),
]


@pytest.mark.parametrize(
    ("rows", "status", "field"), [case[1:] for case in BATCHES], ids=[case[0] for case in BATCHES]
)
def test_batch(trees: RunningServer, rows: Any, status: int, field: str) -> None:
    response = trees.client.post("/api/v1/predict/batch", json={"features": rows})
    assert response.status_code == status
    assert response.json()["error"]["field"] == field


def test_a_body_without_length_is_cut_off_in_time(trees: RunningServer) -> None:
    def endless() -> Any:
        for _ in range(1000):
            yield b" " * 65536

    response = trees.client.post("/api/v1/predict/batch", content=endless())
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/predict", 405),
        ("POST", "/api/v1/nothing", 404),
        ("POST", "/api/v1/models/resnet/predict", 404),
        ("GET", "/api/v1/models/resnet/info", 404),
    ],
)
def test_wrong_paths(trees: RunningServer, method: str, path: str, status: int) -> None:
    response = trees.client.request(method, path, content=body(model="auto"))
    assert response.status_code == status
    assert set(response.json()["error"]) == {"code", "message", "field"}
    assert response.headers["x-request-id"]
    assert response.headers["x-transit-revision"] == "7f9c4d2b1a"


INFER: list[tuple[str, dict[str, Any], int, str]] = [
    ("wrong shape", {"shape": [1, 3]}, 422, "inputs[0].shape"),
    ("no rows", {"shape": [0, FEATURES], "data": []}, 422, "inputs[0].shape"),
    ("negative", {"shape": [-1, FEATURES]}, 422, "shape"),
    ("wrong count", {"data": ROW[:-1]}, 422, "elements"),
    ("bytes", {"datatype": "BYTES"}, 422, "inputs[0].datatype"),
    ("unknown type", {"datatype": "FP8"}, 422, "inputs[0].datatype"),
    ("not of the type", {"datatype": "INT32", "data": [1.5] * FEATURES}, 422, "is no INT32"),
    ("out of range", {"datatype": "UINT8", "data": [256] * FEATURES}, 422, "range of UINT8"),
    ("text", {"data": ["x"] * FEATURES}, 422, "inputs[0].data[0]"),
    ("too large", {"data": [1e300] * FEATURES}, 422, "finite"),
]


@pytest.mark.parametrize(
    ("changes", "status", "words"), [case[1:] for case in INFER], ids=[case[0] for case in INFER]
)
def test_infer(trees: RunningServer, changes: dict[str, Any], status: int, words: str) -> None:
    tensor = {"name": "features", "shape": [1, FEATURES], "datatype": "FP32", "data": ROW}
    response = trees.client.post(
        "/v2/models/xgboost/infer", json={"inputs": [{**tensor, **changes}]}
    )
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/models/resnet"),
        ("GET", "/v2/models/xgboost/versions/9.9.9"),
        ("POST", "/v2/models/resnet/infer"),
        ("GET", "/v2/nothing"),
    ],
)
def test_v2_wrong_paths(trees: RunningServer, method: str, path: str) -> None:
    response = trees.client.request(method, path, content=b"{}")
    assert response.status_code == 404
    assert isinstance(response.json()["error"], str)
