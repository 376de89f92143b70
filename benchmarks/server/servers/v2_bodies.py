"""The Open Inference Protocol as the benchmarks speak it: one row in, probabilities out, as JSON or
with binary tensors.

Neighbour: `contestants` says who is asked in which way.
"""

import json

import numpy as np

JSON_HEADERS = {"Content-Type": "application/json"}
_FEATURES = 784
_TENSOR = {"name": "features", "shape": [1, _FEATURES], "datatype": "FP32"}
_BINARY_HEAD = json.dumps(
    {
        "inputs": [{**_TENSOR, "parameters": {"binary_data_size": 4 * _FEATURES}}],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
    }
).encode()
BINARY_HEADERS = {
    "Content-Type": "application/octet-stream",
    "Inference-Header-Content-Length": str(len(_BINARY_HEAD)),
}


def json_body(row: str) -> bytes:
    """`row` is a row as a JSON list; only the probabilities are wanted."""
    tensor = f'{json.dumps(_TENSOR)[:-1]}, "data": {row}}}'
    return f'{{"inputs": [{tensor}], "outputs": [{{"name": "probabilities"}}]}}'.encode()


def binary_body(row: str) -> bytes:
    """The same as a binary tensor; `BINARY_HEADERS` go with it."""
    return _BINARY_HEAD + np.array(json.loads(row), dtype="<f4").tobytes()


def json_answer(body: bytes) -> list[float]:
    """The first output's values."""
    values: list[float] = json.loads(body)["outputs"][0]["data"]
    return values


def binary_answer(body: bytes) -> list[float]:
    """The values behind the JSON, which are those of the one output that was asked for."""
    _, end = json.JSONDecoder().raw_decode(body.decode("latin-1"))
    return [float(value) for value in np.frombuffer(body[end:], dtype="<f4")]
