"""Who is measured, with which settings: how each is started, asked and understood.

Neighbours: `peers/` is what runs in the peers' environments; `running` starts and stops these.
Every server has one model and one process that calls it. All get the same environment: one thread
for each model call (TensorFlow's two were slower than one for the CNN on two processors), no
telemetry, no access log.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
OWN = "transit"

# What every server gets, ours too.
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "BENTOML_DO_NOT_TRACK": "True",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the store, and what kind it is to the peers."""

    kind: str
    name: str
    version: str

    def directory(self, store: Path) -> Path:
        return store / self.name / f"v{self.version}"


MODELS = (
    Model("forest", "random_forest", "1.0.0"),
    Model("boosted", "xgboost", "1.0.0"),
    Model("cnn", "keras_cnn", "1.0.0"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contestant runs: a free port (two for MLServer), a folder of its own, its model."""

    port: int
    folder: Path
    store: Path
    model: Model
    onnx: Path | None


@dataclass(frozen=True, slots=True)
class Contestant:
    """How to start a server, ask it and read its answer. `peer` is False for what is no peer.
    What `polls` takes a fifth of a processor when idle, so it is stopped in the others' turns.
    """

    name: str
    environment: str
    package: str
    settings: str
    command: Callable[[Place], Sequence[str]]
    path: str
    body: Callable[[str], str]  # from a row as JSON
    answer: Callable[[Any], list[float]]
    variables: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    peer: bool = True
    polls: bool = False


def _script(name: str) -> Callable[[Place], Sequence[str]]:
    return lambda _: [str(PEERS / name)]


def _own(place: Place) -> Mapping[str, str]:
    model = {"name": place.model.name, "version": place.model.version}
    return {
        "TRANSIT_MODELS": json.dumps([model]),
        "TRANSIT_STORAGE_URI": place.store.resolve().as_uri(),
        "TRANSIT_HOST": "127.0.0.1",
        "TRANSIT_PORT": str(place.port),
        "TRANSIT_CACHE_DIR": str(place.folder / "cache"),
        "TRANSIT_TERMINATION_LOG": str(place.folder / "termination-log"),
        "TRANSIT_DRAIN_DELAY": "0s",
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


def _v2(row: str) -> str:
    tensor = f'{{"name": "rows", "shape": [1, 784], "datatype": "FP32", "data": {row}}}'
    return f'{{"inputs": [{tensor}]}}'


_FEATURES = '{{"features": {}}}'.format
_MLSERVER: dict[str, Any] = {
    "environment": "mlserver",
    "package": "mlserver",
    "path": "/v2/models/m/infer",
    "body": _v2,
    "answer": lambda said: said["outputs"][0]["data"],
}
_LITSERVE: dict[str, Any] = {
    "environment": "litserve",
    "package": "litserve",
    "command": _script("litserve_server.py"),
    "path": "/predict",
    "body": _FEATURES,
    "answer": lambda said: said["probabilities"],
}

CONTESTANTS = (
    Contestant(
        OWN,
        environment="",
        package="transit",
        settings="the defaults; /api/v1/predict",
        command=lambda _: ["-m", "transit_server.main"],
        path="/api/v1/predict",
        body=_FEATURES,
        answer=lambda said: list(said["prediction"]["probabilities"].values()),
        variables=_own,
        peer=False,
    ),
    Contestant(
        "fastapi-guide",
        environment="fastapi",
        package="fastapi",
        settings="as the deployment guide writes it; uvicorn with uvloop and httptools",
        command=_script("fastapi_guide.py"),
        path="/predict",
        body=_FEATURES,
        answer=lambda said: said["probabilities"],
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
        body='{{"instances": [{}]}}'.format,
        answer=lambda said: said["predictions"][0],
    ),
    Contestant(
        "bentoml",
        environment="bentoml",
        package="bentoml",
        settings="one worker, batchable, max_batch_size=32, max_latency_ms=1000",
        command=_bentoml,
        path="/predict",
        body='{{"rows": [{}]}}'.format,
        answer=lambda said: said[0],
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
    Contestant(
        "fastapi-onnx",
        environment="fastapi",
        package="fastapi",
        settings="written by hand over ONNX Runtime, with the model compiled by transit: no peer",
        command=_script("fastapi_onnx.py"),
        path="/predict",
        body=_FEATURES,
        answer=lambda said: said["probabilities"],
        variables=lambda place: {"BENCH_ONNX": str(place.onnx)},
        peer=False,
    ),
)
