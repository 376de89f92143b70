"""What a contestant of the benchmark is: a server with a model, how it is started, asked and read.

Neighbours: `contestants` lists them; `peers/` is what runs in the peers' environments; `running`
starts and stops them. All get the same environment: one thread for each model call (TensorFlow's
two were slower than one for the CNN on two processors), no telemetry, no access log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.server.servers import v2_bodies

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
    """Where a contestant runs: a free port and two behind it, a folder of its own, its model."""

    port: int
    folder: Path
    store: Path
    model: Model
    onnx: Path | None


# Whose code runs the model: this server's; the author's library in a peer; in a peer, the ONNX that
# this server compiles; the same in a program written by hand, which is no peer.
Kind = Literal["own", "original", "compiled", "by hand"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """How to start a server, ask it and read its answer. What `polls` takes a fifth of a processor
    when idle, so it is stopped in the others' turns.
    """

    name: str
    environment: str
    package: str
    settings: str
    command: Callable[[Place], Sequence[str]]
    path: str  # `{model}` is the name in the store
    body: Callable[[str], bytes]  # from a row as JSON
    answer: Callable[[bytes], list[float]]
    headers: Mapping[str, str] = field(default_factory=lambda: v2_bodies.JSON_HEADERS)
    variables: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    kind: Kind = "original"
    polls: bool = False
