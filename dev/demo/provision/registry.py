"""The demo's registry: a PostgreSQL on the cluster, which the operator writes the history into.

`python3 -m dev.cluster database` has made it; here it gets its tables and the versions of the
store, and at the end tells what became of them. Neighbours: `store.py` publishes the versions;
`registry/transit_registry` is the program, docs/guides/registry.md does the same by hand.
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from dev.client.kube import Kube
from dev.client.watch import NotAsExpected
from dev.cluster.ui import StepFailed

from ..play.stage import MODEL, NAME, NAMESPACE
from ..terminal.commands import transit_models
from ..terminal.progress import Progress
from . import install, store

SECRET = "registry"
VALUES = (f"config.registry.secretName={SECRET}", "config.registry.environment=demo")
VARIABLE = "TRANSIT_MODEL_REGISTRY"
PORT = 5432
WRITTEN_SECONDS = 75.0  # the operator's longest pause between two tries, and a try
ROWS = 200  # of the latest, to look for ours in

Row = dict[str, Any]


def prepare(kube: Kube, progress: Progress) -> None:
    """Make the tables, put the store's versions down, tell the operator. Raises `StepFailed`."""
    password = _password(kube)
    account = store.account(kube)
    with (
        progress.waiting("Versions put down in the registry, the cluster's PostgreSQL") as waiting,
        _reached(kube, password) as registry,
        store.reached(kube, *account) as minio,
    ):
        transit_models(registry, "registry", "upgrade")
        waiting.tell(transit_models({**registry, **minio}, "registry", "add", store.URI))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": install.NAMESPACE}}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": install.NAMESPACE},
        "stringData": {"url": _address(password, "postgres.postgres.svc", PORT)},
    }
    if kube.find("namespace", install.NAMESPACE) is None:
        kube.apply(json.dumps(namespace))
    kube.apply(json.dumps(secret))


def show_history(kube: Kube, progress: Progress, last: Row) -> None:
    """Print what the registry has of this run, once it has the last transition of the status.

    Raises `NotAsExpected`, where the operator doesn't write it.
    """
    with _reached(kube, _password(kube)) as registry:
        number = _written(registry, progress, last)
        arguments = ("history", MODEL, "--limit", str(number))
        progress.command(f"transit-models {' '.join(arguments)}")
        print(transit_models(registry, *arguments), flush=True)


def history(kube: Kube) -> list[Row]:
    """What the registry has of the model's latest events. Raises `StepFailed`."""
    with _reached(kube, _password(kube)) as registry:
        return _latest(registry)


def _latest(registry: dict[str, str]) -> list[Row]:
    text = transit_models(registry, "history", MODEL, "--limit", str(ROWS), "-o", "json")
    rows: list[Row] = json.loads(text)
    return rows


def _written(registry: dict[str, str], progress: Progress, last: Row) -> int:
    """How many rows there are since the run began; `last` is among them."""
    deadline = time.monotonic() + WRITTEN_SECONDS
    wanted = (NAMESPACE, NAME, last["reason"], last.get("revision"), last["message"])
    while True:
        ours = [
            (row["namespace"], row["name"], row["event"], row["revision"], row["notes"])
            for row in _latest(registry)
            if datetime.fromisoformat(row["deployed_at"]).timestamp() >= progress.started
        ]
        if wanted in ours:
            return len(ours)
        if time.monotonic() > deadline:
            raise NotAsExpected(
                f"the registry has no {last['reason']} {last['message']!r},"
                f" {WRITTEN_SECONDS:.0f} s after it happened",
                hint=f"kubectl -n {install.NAMESPACE} logs -l {install.PODS} | grep registry",
            )
        time.sleep(0.5)


@contextmanager
def _reached(kube: Kube, password: str) -> Iterator[dict[str, str]]:
    """The variable by which `transit-models` finds the registry, through a port-forward."""
    with kube.forward("postgres", "service/postgres", PORT) as port:
        yield {VARIABLE: _address(password, "127.0.0.1", port)}


def _address(password: str, host: str, port: int) -> str:
    return f"postgresql://transit:{password}@{host}:{port}/registry"


def _password(kube: Kube) -> str:
    found = kube.find("-n", "postgres", "secret", "postgres-account")
    if found is None:
        hint = "python3 -m dev.cluster database"
        raise StepFailed("there is no PostgreSQL on the cluster", hint=hint)
    return base64.b64decode(found["data"]["password"]).decode()
