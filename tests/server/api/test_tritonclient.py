"""NVIDIA's client of the Open Inference Protocol, unchanged, against this server."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from tests.server.conftest import Truth
from tests.server.example_store import FEATURES, LABELS, Data
from tests.server.running import RunningServer

MODEL = "xgboost"


@pytest.fixture(scope="module")
def client(trees: RunningServer) -> Iterator[Any]:
    with triton.InferenceServerClient(f"127.0.0.1:{trees.port}", concurrency=4) as client:
        yield client


def tensor(rows: Any, datatype: str = "FP32", *, binary: bool = True) -> Any:
    made = triton.InferInput("features", list(rows.shape), datatype)
    made.set_data_from_numpy(rows, binary_data=binary)
    return made


def test_health(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1.0.0")
    assert not client.is_model_ready(MODEL, "9.9.9")
    assert not client.is_model_ready("resnet")


def test_metadata(client: Any) -> None:
    server = client.get_server_metadata()
    assert (server["name"], server["extensions"]) == ("transit", ["binary_tensor_data"])
    for version in ("", "1.0.0"):
        model = client.get_model_metadata(MODEL, version)
        assert (model["name"], model["versions"]) == (MODEL, ["1.0.0"])
        assert model["inputs"] == [
            {"name": "features", "datatype": "FP32", "shape": [-1, FEATURES]}
        ]
        outputs = {item["name"]: (item["datatype"], item["shape"]) for item in model["outputs"]}
        assert outputs == {
            "probabilities": ("FP32", [-1, 3]),
            "class_id": ("INT64", [-1]),
            "class": ("BYTES", [-1]),
        }


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_infer(
    client: Any, data: Data, truth: Truth, binary_in: bool, binary_out: bool | None
) -> None:
    """Without a list of outputs, the client asks for all of them in binary."""
    rows = data.rows[:7]
    outputs = None
    if binary_out is not None:
        outputs = [
            triton.InferRequestedOutput(name, binary_data=binary_out)
            for name in ("class", "probabilities", "class_id")
        ]
    answer = client.infer(
        MODEL, [tensor(rows, binary=binary_in)], outputs=outputs, request_id="order-68"
    )
    expected = truth.xgboost(rows)
    assert answer.as_numpy("probabilities") == pytest.approx(expected, abs=1e-5)
    assert answer.as_numpy("class_id").tolist() == expected.argmax(axis=1).tolist()
    names = [
        item.decode() if isinstance(item, bytes) else item for item in answer.as_numpy("class")
    ]
    assert names == [LABELS[index] for index in expected.argmax(axis=1)]
    response = answer.get_response()
    assert (response["id"], response["model_version"]) == ("order-68", "1.0.0")
    assert response["parameters"]["revision"] == "7f9c4d2b1a"


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("BOOL", np.bool_),
        ("INT8", np.int8),
        ("INT16", np.int16),
        ("INT32", np.int32),
        ("INT64", np.int64),
        ("UINT8", np.uint8),
        ("UINT16", np.uint16),
        ("UINT32", np.uint32),
        ("UINT64", np.uint64),
        ("FP16", np.float16),
        ("FP32", np.float32),
        ("FP64", np.float64),
    ],
)
@pytest.mark.parametrize("binary", [True, False])
def test_every_datatype(client: Any, truth: Truth, datatype: str, dtype: Any, binary: bool) -> None:
    binary = binary or datatype == "FP16"  # which the client sends in no other way
    rows = np.ones((2, FEATURES), dtype=dtype)
    answer = client.infer(MODEL, [tensor(rows, datatype, binary=binary)])
    expected = truth.xgboost(rows.astype(np.float32))
    assert answer.as_numpy("probabilities") == pytest.approx(expected, abs=1e-5)


def test_one_output(client: Any, data: Data) -> None:
    answer = client.infer(
        MODEL,
        [tensor(data.rows[:1])],
        model_version="1.0.0",
        outputs=[triton.InferRequestedOutput("class")],
    )
    assert [item["name"] for item in answer.get_response()["outputs"]] == ["class"]
    assert answer.as_numpy("probabilities") is None


def test_async_infer(client: Any, data: Data, truth: Truth) -> None:
    waiting = [client.async_infer(MODEL, [tensor(row[None])]) for row in data.rows[:8]]
    expected = truth.xgboost(data.rows[:8])
    got = np.concatenate([item.get_result().as_numpy("probabilities") for item in waiting])
    assert got == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_bodies(client: Any, data: Data, truth: Truth, algorithm: str) -> None:
    answer = client.infer(MODEL, [tensor(data.rows[:3])], request_compression_algorithm=algorithm)
    expected = truth.xgboost(data.rows[:3])
    assert answer.as_numpy("probabilities") == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("model", "rows", "words"),
    [
        ("resnet", np.ones((1, FEATURES), np.float32), "no model 'resnet'"),
        (MODEL, np.ones((1, 3), np.float32), "shape"),
        (MODEL, np.full((1, FEATURES), np.nan, np.float32), "finite"),
        (MODEL, np.full((1, FEATURES), np.inf, np.float32), "finite"),
    ],
)
def test_errors(client: Any, model: str, rows: Any, words: str) -> None:
    with pytest.raises(InferenceServerException, match=words):
        client.infer(model, [tensor(rows)])


def test_unknown_output_and_text_as_input(client: Any, data: Data) -> None:
    with pytest.raises(InferenceServerException, match="there is no output 'x'"):
        client.infer(MODEL, [tensor(data.rows[:1])], outputs=[triton.InferRequestedOutput("x")])
    text = np.full((1, FEATURES), "1.0", dtype=np.object_)
    with pytest.raises(InferenceServerException, match="BYTES"):
        client.infer(MODEL, [tensor(text, "BYTES")])
