"""The Open Inference Protocol v2: metadata, and tensors in and out."""

import struct
from typing import Any

import numpy as np
import pytest

from tests.server.conftest import Truth
from tests.server.example_store import FEATURES, LABELS, Data
from tests.server.running import RunningServer


def infer(server: RunningServer, tensor: dict[str, Any], **body: Any) -> Any:
    response = server.client.post(
        "/v2/models/xgboost/infer", json={"inputs": [{"name": "features", **tensor}], **body}
    )
    assert response.status_code == 200, response.text
    return response.json()


def test_health_and_metadata(trees: RunningServer) -> None:
    assert trees.client.get("/v2/health/live").json() == {"live": True}
    assert trees.client.get("/v2/health/ready").json() == {"ready": True}
    assert trees.client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    for path in ("/v2/models/xgboost", "/v2/models/xgboost/versions/1.0.0"):
        model = trees.client.get(path).json()
        assert (model["name"], model["versions"]) == ("xgboost", ["1.0.0"])
        assert model["inputs"] == [
            {"name": "features", "datatype": "FP32", "shape": [-1, FEATURES]}
        ]
        assert [output["name"] for output in model["outputs"]] == [
            "probabilities",
            "class_id",
            "class",
        ]
        ready = trees.client.get(f"{path}/ready")
        assert ready.json() == {"name": "xgboost", "ready": True}


def test_infer(trees: RunningServer, data: Data, truth: Truth) -> None:
    rows = data.rows[:5]
    answer = infer(
        trees,
        {"shape": [5, FEATURES], "datatype": "FP32", "data": rows.ravel().tolist()},
        id="42",
    )
    assert (answer["id"], answer["model_name"], answer["model_version"]) == (
        "42",
        "xgboost",
        "1.0.0",
    )
    assert answer["parameters"] == {"revision": "7f9c4d2b1a"}
    probabilities, class_id, name = answer["outputs"]
    expected = truth.xgboost(rows)
    assert probabilities["shape"] == [5, 3]
    assert probabilities["data"] == pytest.approx(expected.ravel().tolist(), abs=1e-5)
    assert class_id["data"] == expected.argmax(axis=1).tolist()
    assert name["data"] == [LABELS[item] for item in class_id["data"]]


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("BOOL", True),
        *((f"{sign}INT{bits}", 1) for sign in ("", "U") for bits in (8, 16, 32, 64)),
        ("FP16", 1.0),
        ("FP32", 1.0),
        ("FP64", 1),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_every_datatype(
    trees: RunningServer, truth: Truth, datatype: str, value: Any, nested: bool
) -> None:
    data: Any = [value] * FEATURES
    answer = infer(
        trees,
        {"shape": [1, FEATURES], "datatype": datatype, "data": [data] if nested else data},
        outputs=[{"name": "probabilities"}],
    )
    (output,) = answer["outputs"]
    expected = truth.xgboost(np.ones((1, FEATURES), dtype=np.float32))
    assert output["data"] == pytest.approx(expected[0].tolist(), abs=1e-5)


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "UINT64", "BOOL"])
def test_binary_tensors(trees: RunningServer, truth: Truth, datatype: str) -> None:
    import msgspec

    from transit_server.api.v2.tensors import DTYPES

    binary = np.ones((2, FEATURES)).astype(DTYPES[datatype]).tobytes()
    header = msgspec.json.encode(
        {
            "parameters": {"binary_data_output": True},
            "inputs": [
                {
                    "name": "features",
                    "shape": [2, FEATURES],
                    "datatype": datatype,
                    "parameters": {"binary_data_size": len(binary)},
                }
            ],
            "outputs": [
                {"name": "probabilities"},
                {"name": "class_id", "parameters": {"binary_data": False}},
                {"name": "class"},
            ],
        }
    )
    response = trees.client.post(
        "/v2/models/xgboost/infer",
        content=header + binary,
        headers={"Inference-Header-Content-Length": str(len(header))},
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/octet-stream"
    size = int(response.headers["inference-header-content-length"])
    answer = msgspec.json.decode(response.content[:size])
    rest = response.content[size:]
    probabilities, class_id, name = answer["outputs"]
    first = probabilities["parameters"]["binary_data_size"]
    values = np.frombuffer(rest[:first], dtype="<f4").reshape(2, 3)
    assert values == pytest.approx(truth.xgboost(np.ones((2, FEATURES), np.float32)), abs=1e-5)
    text = LABELS[class_id["data"][0]].encode()
    assert name["parameters"]["binary_data_size"] == 2 * (4 + len(text))
    assert rest[first:] == 2 * (struct.pack("<I", len(text)) + text)


def test_binary_of_the_wrong_size(trees: RunningServer) -> None:
    header = (
        b'{"inputs": [{"name": "features", "shape": [1, 784], "datatype": "FP32",'
        b' "parameters": {"binary_data_size": 12}}]}'
    )
    for length, status in ((str(len(header)), 422), ("99999", 400), ("x", 400)):
        response = trees.client.post(
            "/v2/models/xgboost/infer",
            content=header + b"\0" * 12,
            headers={"Inference-Header-Content-Length": length},
        )
        assert response.status_code == status, response.text
        assert isinstance(response.json()["error"], str)
