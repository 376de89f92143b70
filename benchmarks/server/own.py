"""What only this server can be asked about: overhead, large batches, cold starts, memory.

`python -m benchmarks.server.own` prints the figures and writes them to `results/server-own.json`;
`--requests 1000000` measures memory over that many requests (minutes).

The bare times are those of this process: the same preprocessing and model, called directly, and the
body decoded by the decoder that the server uses. For the overhead they are called as seldom as the
server is at one connection, with a pause in between, for both are slower after a pause; those of
calls one after the other are named too.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import joblib
import numpy as np

from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS, row_bodies
from benchmarks.server.figures.load import measure
from benchmarks.server.figures.rows import machine
from benchmarks.server.servers import environments
from benchmarks.server.servers.contestant import MODELS, OWN, QUIET, Contestant, Model, Place
from benchmarks.server.servers.contestants import CONTESTANTS
from benchmarks.server.servers.running import ROOT, Running, free_ports, own_python
from transit_models import verify_version
from transit_models.integrity import write_checksums
from transit_models.packing.twin import TWIN, TWIN_SCORES
from transit_server import formats
from transit_server.api.guide_requests import decode_predict
from transit_server.formats import opening, whole
from transit_server.formats.base import Rows

_BATCH = 1000
_READY = 120.0
_TREES = MODELS[:2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.own", description=__doc__)
    parser.add_argument("--requests", type=int, default=0, help="of the memory run (none)")
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "models")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    environments.wrk()
    os.environ.update(QUIET)
    store = options.store.resolve()
    before = os.getloadavg()[0]
    found: dict[str, Any] = {"overhead": {}, "batch_of_1000": {}, "cold_start_s": {}}
    with tempfile.TemporaryDirectory(prefix="bench-own-") as scratch:
        work = Path(scratch)
        for model in MODELS:
            bare = _bare(model, store, work)
            with served([model], store, work) as server:
                found["overhead"][model.kind] = _overhead(server, bare, model, store)
                found["batch_of_1000"][model.kind] = _batch(server, bare, model, store)
                _tell(model.kind, found["overhead"][model.kind])
                _tell(model.kind, found["batch_of_1000"][model.kind])
        for name, models in {**{m.kind: [m] for m in MODELS}, "all": list(MODELS)}.items():
            with served(models, store, work) as server:
                found["cold_start_s"][name] = round(server.ready_after, 2)
        with served([MODELS[2]], without_twin(MODELS[2], store, work), work) as server:
            found["cold_start_s"]["cnn without its twin"] = round(server.ready_after, 2)
        _tell("cold start, s", found["cold_start_s"])
        found["memory_mb"] = _memory(store, work, options.requests)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.server.own",
        "machine": machine(),
        "load_average": {"before": round(before, 2), "after": round(os.getloadavg()[0], 2)},
        **found,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "server-own.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


class Served(Running):
    """This server with some models, and how long it took to be ready."""

    def __init__(
        self, contestant: Contestant, place: Place, models: Sequence[Model], **settings: str
    ) -> None:
        super().__init__(contestant, own_python(), place)
        self._environment.update(settings)
        listed = [{"name": one.name, "version": one.version} for one in models]
        self._environment["TRANSIT_MODELS"] = json.dumps(listed)
        self._ready = f"http://127.0.0.1:{place.port + 1}/health/ready"
        self.ready_after = 0.0

    def until_ready(self) -> None:
        start = time.monotonic()
        while time.monotonic() - start < _READY:
            try:
                with urllib.request.urlopen(self._ready, timeout=5):  # noqa: S310
                    self.ready_after = time.monotonic() - start
                    return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"not ready within {_READY:g} s: {self._tail()}")

    def memory(self) -> float:
        """Resident memory in MB, pages shared with others counted in full."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the kernel does not say")

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """One request, until it is answered."""
        json_headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(self.url + path, body, json_headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            answer.read()


@contextmanager
def served(models: Sequence[Model], store: Path, work: Path, **settings: str) -> Any:
    """Started afresh, its cache empty; `settings` are TRANSIT_… variables besides."""
    own = next(one for one in CONTESTANTS if one.name == OWN)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        place = Place(free_ports(2), Path(folder), store, models[0], None)
        server = Served(own, place, models, **settings)
        try:
            server.start()
            server.until_ready()
            yield server
        finally:
            server.stop()


class _Bare:
    """A model as the server runs it, and as its library does, without any server."""

    def __init__(self, compiled: Callable[[Rows], Any], original: Callable[[Rows], Any]) -> None:
        self.compiled = compiled
        self.original = original


def _bare(model: Model, store: Path, work: Path) -> _Bare:
    version = verify_version(model.directory(store), model.name, model.version)
    assert version.preprocessing is not None
    transform = joblib.load(version.preprocessing).transform
    predict = formats.load(version, work / "compiled").predict
    original = opening.original(whole.begin(version).source).run
    return _Bare(lambda rows: predict(transform(rows)), lambda rows: original(transform(rows)))


def _overhead(server: Served, bare: _Bare, model: Model, store: Path) -> dict[str, float]:
    """At one connection, in ms: what the client waits, and what of it is model and parsing."""
    own = server.contestant
    bodies = [own.body(row) for row in row_bodies(model, store)]
    measure(server.url, own.path, bodies, own.headers, 1, 1)
    p50 = median(measure(server.url, own.path, bodies, own.headers, 1, 3).p50_ms for _ in range(3))
    text = bodies[0]

    def once() -> None:
        bare.compiled(np.array([decode_predict(text)[1]], dtype=np.float32))

    paced, at_once = _milliseconds(once, 1000, p50 / 1e3), _milliseconds(once, 1000)
    return {
        "p50_ms": p50,
        "bare_ms": round(paced, 3),
        "bare_at_once_ms": round(at_once, 3),
        "overhead_ms": round(p50 - paced, 3),
        "overhead_over_at_once_ms": round(p50 - at_once, 3),
    }


def _batch(server: Served, bare: _Bare, model: Model, store: Path) -> dict[str, float]:
    """1,000 rows, in ms: the whole request, and the bare model, compiled and original."""
    texts = row_bodies(model, store)
    listed = ", ".join(texts[number % len(texts)] for number in range(_BATCH))
    body = f'{{"features": [{listed}]}}'.encode()
    rows = np.array(json.loads(body)["features"], dtype=np.float32)
    json_ms = _milliseconds(lambda: server.post("/api/v1/predict/batch", body), 15)
    path, tensor, headers = f"/v2/models/{model.name}/infer", *_tensor(rows)
    binary_ms = _milliseconds(lambda: server.post(path, tensor, headers), 15)
    compiled = _milliseconds(lambda: bare.compiled(rows), 7)
    original = _milliseconds(lambda: bare.original(rows), 7)
    return {
        "request_ms": round(json_ms, 1),
        "binary_request_ms": round(binary_ms, 1),
        "compiled_model_ms": round(compiled, 1),
        "original_model_ms": round(original, 1),
        "ratio_to_original": round(json_ms / original, 2),
        "binary_ratio_to_original": round(binary_ms / original, 2),
        "body_mb": round(len(body) / 1e6, 1),
    }


def _tensor(rows: Rows) -> tuple[bytes, dict[str, str]]:
    """`rows` as a body of the Open Inference Protocol with a binary tensor, and its headers."""
    values = rows.tobytes()
    tensor = {
        "name": "features",
        "shape": list(rows.shape),
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(values)},
    }
    header = json.dumps({"inputs": [tensor]}).encode()
    return header + values, {"Inference-Header-Content-Length": str(len(header))}


def without_twin(model: Model, store: Path, work: Path) -> Path:
    """A store with `model` as it would be without its ONNX twin."""
    target = work / "without-twin"
    directory = model.directory(target)
    shutil.copytree(model.directory(store), directory)
    for name in (TWIN, TWIN_SCORES):
        (directory / name).unlink(missing_ok=True)
    write_checksums(directory)
    return target


def _memory(store: Path, work: Path, requests: int) -> dict[str, Any]:
    said: dict[str, Any] = {}
    with served(_TREES, store, work) as server:
        said["trees"] = round(server.memory())
    with served(MODELS, store, work) as server:
        said["all"] = round(server.memory())
        said["over_requests"] = over = []
        own = server.contestant
        bodies = [
            own.body(row).replace(b"{", f'{{"model": "{model.name}", '.encode(), 1)
            for model in MODELS
            for row in row_bodies(model, store)
        ]
        done = 0
        while done < requests:
            seen = measure(server.url, own.path, bodies, own.headers, 16, 20)
            done += int(seen.rps * 20)
            over.append({"requests": done, "mb": round(server.memory(), 1), "failed": seen.failed})
            _tell("memory", over[-1])
    _tell("memory", {name: said[name] for name in ("trees", "all")})
    return said


def _milliseconds(call: Callable[[], object], times: int, pause: float = 0.0) -> float:
    """The median, with a pause of so many seconds before each call."""
    call()
    seen = []
    for _ in range(times):
        if pause:
            time.sleep(pause)
        start = time.perf_counter()
        call()
        seen.append(time.perf_counter() - start)
    return median(seen) * 1e3


def _tell(what: str, figures: object) -> None:
    print(f"{what}: {json.dumps(figures)}", flush=True)


if __name__ == "__main__":
    command.run(main)
