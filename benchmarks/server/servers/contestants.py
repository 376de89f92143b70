"""Who is measured, with which settings: how each is started, asked and understood.

Every server has one model and one process that calls it. Peers run the model as its author's
library does, or as this server compiles it, and are compared with their own kind.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.server.servers import v2_bodies
from benchmarks.server.servers.contestant import OWN, PEERS, Contestant, Place


def _script(name: str) -> Callable[[Place], Sequence[str]]:
    return lambda _: [str(PEERS / name)]


def _own(place: Place) -> Mapping[str, str]:
    """As a pod of the operator has it: answers of `/api/v1` carry a signed token."""
    key = place.folder / "feedback-key"
    key.write_bytes(os.urandom(32))
    model = {"name": place.model.name, "version": place.model.version}
    return {
        "TRANSIT_MODELS": json.dumps([model]),
        "TRANSIT_STORAGE_URI": place.store.resolve().as_uri(),
        "TRANSIT_HOST": "127.0.0.1",
        "TRANSIT_PORT": str(place.port),
        "TRANSIT_PROBE_PORT": str(place.port + 1),
        "TRANSIT_CACHE_DIR": str(place.folder / "cache"),
        "TRANSIT_TERMINATION_LOG": str(place.folder / "termination-log"),
        "TRANSIT_DRAIN_DELAY": "0s",
        "TRANSIT_FEEDBACK_KEY_FILE": str(key),
    }


def _mlserver(workers: int, batch: int) -> Callable[[Place], Sequence[str]]:
    """Its configuration is files in the folder that it is started with."""

    def command(place: Place) -> Sequence[str]:
        (place.folder / "settings.json").write_text(
            json.dumps(
                {
                    "host": "127.0.0.1",
                    "http_port": place.port,
                    "grpc_port": place.port + 1,
                    "metrics_port": place.port + 2,
                    "parallel_workers": workers,
                    "debug": False,
                }
            )
        )
        model: dict[str, Any] = {"name": "m", "implementation": "mlserver_runtime.Original"}
        if batch:
            model |= {"max_batch_size": batch, "max_batch_time": 0.002}
        (place.folder / "model-settings.json").write_text(json.dumps(model))
        return ["-c", "from mlserver.cli import main; main()", "start", str(place.folder)]

    return command


def _bentoml(place: Place) -> Sequence[str]:
    return [
        *("-m", "bentoml", "serve", "bentoml_service:Original"),
        *("--host", "127.0.0.1", "--port", str(place.port), "--working-dir", str(PEERS)),
    ]


def _field(name: str, rows: bool = False) -> Callable[[str], bytes]:
    """A body with one field, the row or a list of it."""
    return lambda row: f'{{"{name}": {f"[{row}]" if rows else row}}}'.encode()


def _mlserver_body(row: str) -> bytes:
    tensor = f'{{"name": "rows", "shape": [1, 784], "datatype": "FP32", "data": {row}}}'
    return f'{{"inputs": [{tensor}]}}'.encode()


def _read(find: Callable[[Any], list[float]]) -> Callable[[bytes], list[float]]:
    return lambda body: find(json.loads(body))


_PROBABILITIES = _read(lambda said: said["probabilities"])
_OWN: dict[str, Any] = {
    "environment": "",
    "package": "transit",
    "command": lambda _: ["-m", "transit_server.main"],
    "variables": _own,
    "kind": "own",
}
_MLSERVER: dict[str, Any] = {
    "environment": "mlserver",
    "package": "mlserver",
    "path": "/v2/models/m/infer",
    "body": _mlserver_body,
    "answer": v2_bodies.json_answer,
}
_LITSERVE: dict[str, Any] = {
    "environment": "litserve",
    "package": "litserve",
    "command": _script("litserve_server.py"),
    "path": "/predict",
    "body": _field("features"),
    "answer": _PROBABILITIES,
}
_V2_JSON: dict[str, Any] = {"body": v2_bodies.json_body, "answer": v2_bodies.json_answer}
_V2_BINARY: dict[str, Any] = {
    "body": v2_bodies.binary_body,
    "answer": v2_bodies.binary_answer,
    "headers": v2_bodies.BINARY_HEADERS,
}


def _onnx(place: Place) -> dict[str, str]:
    return {"BENCH_ONNX": str(place.onnx)}


_TRITON: dict[str, Any] = {
    "environment": "triton",
    "package": "nvidia-pytriton",
    "command": _script("triton_server.py"),
    "path": "/v2/models/m/infer",
    "kind": "compiled",
}
_TRITON_ALONE: dict[str, Any] = {
    **_TRITON,
    "settings": "Python backend, one instance, no batching",
    "variables": _onnx,
}
_TRITON_BATCHING: dict[str, Any] = {
    **_TRITON,
    "settings": "Python backend, one instance, dynamic batching of up to 32 within 0.5 ms",
    "variables": lambda place: {**_onnx(place), "BENCH_DELAY_US": "500"},
}


def _mosec(batch: int) -> dict[str, Any]:
    return {
        "environment": "mosec",
        "package": "mosec",
        "command": _script("mosec_server.py"),
        "path": "/inference",
        "body": _field("features"),
        "answer": _PROBABILITIES,
        "kind": "compiled",
        "variables": lambda place: {
            **_onnx(place),
            "BENCH_BATCH": str(batch),
            "MOSEC_ADDRESS": "127.0.0.1",
            "MOSEC_PORT": str(place.port),
            "MOSEC_LOG_LEVEL": "warning",
        },
    }


CONTESTANTS = (
    Contestant(
        OWN,
        **_OWN,
        settings="the defaults; /api/v1/predict",
        path="/api/v1/predict",
        body=_field("features"),
        answer=_read(lambda said: list(said["prediction"]["probabilities"].values())),
    ),
    Contestant(
        f"{OWN}-v2",
        **_OWN,
        **_V2_JSON,
        settings="the defaults; the v2 protocol, JSON",
        path="/v2/models/{model}/infer",
    ),
    Contestant(
        f"{OWN}-v2-binary",
        **_OWN,
        **_V2_BINARY,
        settings="the defaults; the v2 protocol, binary tensors",
        path="/v2/models/{model}/infer",
    ),
    Contestant(
        "fastapi-guide",
        environment="fastapi",
        package="fastapi",
        settings="as the deployment guide writes it; uvicorn with uvloop and httptools",
        command=_script("fastapi_guide.py"),
        path="/predict",
        body=_field("features"),
        answer=_PROBABILITIES,
    ),
    Contestant(
        "mlserver",
        **_MLSERVER,
        settings="parallel_workers=0, no batching",
        command=_mlserver(workers=0, batch=0),
    ),
    Contestant(
        "mlserver-batching",
        **_MLSERVER,
        settings="parallel_workers=0, max_batch_size=32, max_batch_time=2 ms",
        command=_mlserver(workers=0, batch=32),
    ),
    Contestant(
        "mlserver-worker",
        **_MLSERVER,
        settings="parallel_workers=1 (the default), max_batch_size=32, max_batch_time=2 ms",
        command=_mlserver(workers=1, batch=32),
    ),
    Contestant(
        "kserve",
        environment="kserve",
        package="kserve",
        settings="a custom predictor, protocol v1, workers=1",
        command=_script("kserve_server.py"),
        path="/v1/models/m:predict",
        body=_field("instances", rows=True),
        answer=_read(lambda said: said["predictions"][0]),
    ),
    Contestant(
        "bentoml",
        environment="bentoml",
        package="bentoml",
        settings="one worker, batchable, max_batch_size=32, max_latency_ms=1000",
        command=_bentoml,
        path="/predict",
        body=_field("rows", rows=True),
        answer=_read(lambda said: said[0]),
    ),
    Contestant(
        "litserve",
        **_LITSERVE,
        settings="one worker, fast_queue, no batching",
        variables=lambda _: {"BENCH_BATCH": "1"},
    ),
    Contestant(
        "litserve-batching",
        **_LITSERVE,
        settings="one worker, fast_queue, max_batch_size=32, batch_timeout=2 ms",
        variables=lambda _: {"BENCH_BATCH": "32"},
        polls=True,
    ),
    Contestant("triton", **_TRITON_ALONE, **_V2_JSON),
    Contestant("triton-binary", **_TRITON_ALONE, **_V2_BINARY),
    Contestant("triton-batching", **_TRITON_BATCHING, **_V2_JSON),
    Contestant("triton-batching-binary", **_TRITON_BATCHING, **_V2_BINARY),
    Contestant("mosec", **_mosec(1), settings="one worker, no batching"),
    Contestant(
        "mosec-batching",
        **_mosec(32),
        settings="one worker, max_batch_size=32, max_wait_time=2 ms",
    ),
    Contestant(
        "fastapi-onnx",
        environment="fastapi",
        package="fastapi",
        settings="written by hand over ONNX Runtime, with the model compiled by transit: no peer",
        command=_script("fastapi_onnx.py"),
        path="/predict",
        body=_field("features"),
        answer=_PROBABILITIES,
        variables=_onnx,
        kind="by hand",
    ),
)
