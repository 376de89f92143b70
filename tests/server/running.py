"""A real `transit-server` process on loopback, and what tests ask it."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

T = TypeVar("T")

FEEDBACK_KEY = hashlib.sha256(b"the key of the tests").digest()

_ROOT = Path(__file__).parents[2]
_PATIENCE = 180.0  # seconds; TensorFlow starts in ten, and in over sixty on a busy machine


def eventually(ask: Callable[[], T | None], what: str, patience: float = _PATIENCE) -> T:
    """What `ask` gives, as soon as it gives something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited {patience} s in vain for {what}")


def _free_ports() -> tuple[int, int]:
    """Two, that nobody has now."""
    with socket.socket() as one, socket.socket() as other:
        for free in (one, other):
            free.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


class RunningServer:
    """Started with `with`; stopped and reaped at its end whatever happens."""

    command = ("-m", "transit_server.main")

    def __init__(
        self,
        store: Path,
        work: Path,
        models: Mapping[str, str],
        **settings: str,
    ) -> None:
        """`max_body=` sets TRANSIT_MAX_BODY; a name in capitals is taken as it is."""
        (work / "home").mkdir(parents=True, exist_ok=True)
        self.home = work / "home"
        self.port, self.probe_port = _free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = work / "server.log"
        self.termination_log = work / "termination-log"
        listed = [{"name": name, "version": version} for name, version in models.items()]
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(work / "home"),
            "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path]),
            "TRANSIT_MODELS": json.dumps(listed),
            "TRANSIT_STORAGE_URI": store.as_uri(),
            "TRANSIT_MODEL_DEPLOYMENT": "ml/kepler",
            "TRANSIT_REVISION": "7f9c4d2b1a",
            "TRANSIT_HOST": "127.0.0.1",
            "TRANSIT_PORT": str(self.port),
            "TRANSIT_PROBE_PORT": str(self.probe_port),
            "TRANSIT_CACHE_DIR": str(work / "cache"),
            "TRANSIT_TERMINATION_LOG": str(self.termination_log),
            "TRANSIT_DRAIN_DELAY": "0s",
            **{
                name if name.isupper() else f"TRANSIT_{name.upper()}": value
                for name, value in settings.items()
            },
        }
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.probes = httpx.Client(base_url=f"http://127.0.0.1:{self.probe_port}", timeout=30)

    def __enter__(self) -> Self:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.probes.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def until_alive(self) -> Self:
        eventually(lambda: self.status("/health/live") == 200, f"a live server: {self.log}")
        return self

    def until_ready(self) -> Self:
        eventually(self._ready_or_ended, f"a ready server: {self.log}")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def _ready_or_ended(self) -> bool:
        return self.process.poll() is not None or self.status("/health/ready") == 200

    def status(self, path: str) -> int | None:
        """What a probe is answered; None if nobody answers."""
        try:
            return self.probes.get(path).status_code
        except httpx.TransportError:
            return None

    def peak_memory(self) -> float:
        """The most MB that were resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def predict(self, features: list[float], **body: Any) -> httpx.Response:
        return self.client.post("/api/v1/predict", json={"features": features, **body})

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample: its name and labels, without those that each series has."""
        samples = {}
        for family in text_string_to_metric_families(self.probes.get("/metrics").text):
            for sample in family.samples:
                labels = dict(sample.labels)
                assert labels.pop("model_deployment") == "ml/kepler"
                assert labels.pop("revision") == "7f9c4d2b1a"
                samples[sample.name, frozenset(labels.items())] = sample.value
        return samples

    def metric(self, name: str, **labels: str) -> float:
        """One sample, which must exist. A live server has none before its models are begun with."""
        found = self.metric_if_any(name, **labels)
        assert found is not None, f"no {name} of {labels}"
        return found

    def metric_if_any(self, name: str, **labels: str) -> float | None:
        renamed = {key.rstrip("_"): value for key, value in labels.items()}
        return self.metrics().get((name, frozenset(renamed.items())))
