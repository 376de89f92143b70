"""Two servers with one key for feedback, as pods of two revisions have it, and tokens of theirs."""

import hashlib
import time
from typing import Any

import httpx

from tests.server.example_store import LABELS, Data
from tests.server.running import FEEDBACK_KEY, RunningServer
from transit_server.api.feedback_tokens import Recipient, Signer

STABLE, CANDIDATE = "7f9c4d2b1a", "aaaa000011"
WEB, MOBILE = "web-key-0123456789", "mobile-key-0123456789"
DAY = 86_400


class Pods:
    """A pod of each of two revisions, and a client with a key."""

    def __init__(self, stable: RunningServer, candidate: RunningServer) -> None:
        self.stable = stable
        self.candidate = candidate

    def tell(
        self, server: RunningServer, token: str, label: str | float, key: str = WEB
    ) -> httpx.Response:
        body = {"feedback_token": token, "label": label}
        return server.client.post("/api/v1/feedback", json=body, headers={"X-API-Key": key})

    def counted(self) -> dict[tuple[str, str, str, str], float]:
        """Revision, model, version, outcome → labels that both pods have counted until now."""
        found: dict[tuple[str, str, str, str], float] = {}
        for server in (self.stable, self.candidate):
            server.probes.get("/metrics")  # new series are seen at 0 first
            server.client.get(
                "/info"
            )  # what was held back is counted on the loop that answers this
            for line in server.probes.get("/metrics").text.splitlines():
                if line.startswith("prediction_feedback_total{"):
                    text, _, value = line.rpartition(" ")
                    key = tuple(
                        text.split(f'{name}="')[1].split('"')[0]
                        for name in ("revision", "model", "version", "outcome")
                    )
                    assert len(key) == 4
                    found[key] = found.get(key, 0.0) + float(value)
        return found

    def gained(self, before: dict[tuple[str, str, str, str], float]) -> dict[Any, float]:
        now = self.counted()
        return {k: v - before.get(k, 0.0) for k, v in now.items() if v != before.get(k, 0.0)}


def row(data: Data, index: int = 0) -> list[float]:
    return [float(value) for value in data.rows[index]]


def predicted(server: RunningServer, data: Data, index: int = 0, **body: Any) -> tuple[str, str]:
    """Token and class of an answer."""
    answer = server.predict(row(data, index), **({"model": "xgboost"} | body))
    assert answer.status_code == 200, answer.text
    said = answer.json()["prediction"]
    return said["feedback_token"], said["class"]


def other(label: str) -> str:
    return next(name for name in LABELS if name != label)


def made(
    key: bytes = FEEDBACK_KEY, deployment: str = "ml/kepler", age: int = 0, **changes: Any
) -> str:
    """A token as a server with this key would have made it some days ago."""
    said = {
        "revision": STABLE,
        "model": "xgboost",
        "version": "1.0.0",
        "client": "web",
        "predicted": LABELS[0],
        "serial": hashlib.sha256(str(time.perf_counter_ns()).encode()).digest()[:8],
    } | changes
    signer = Signer(key, deployment, said["revision"], 30, lambda: time.time() - age * DAY)
    to = Recipient(said["serial"], said["client"])
    return signer.sign(to, 0, said["model"], said["version"], said["predicted"])
