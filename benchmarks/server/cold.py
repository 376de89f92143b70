"""How long a container takes from its start to ready, on the real cluster.

    python -m benchmarks.server.cold

A pod without CPU limit on a node with two processors; the image is there, the models come from the
cluster's MinIO. From the start of the container's first process, as its kernel tells it, to the
moment at which the API server says that the pod is ready; the kubelet asks once a second. Each set
of models is started `--runs` times, by deleting the pod. Neighbour: `own` measures starts of the
process without a pod.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS
from benchmarks.server.figures.rows import machine
from benchmarks.server.own import without_twin
from benchmarks.server.servers.contestant import MODELS, Model
from dev.client import kube
from dev.cluster.ui import StepFailed
from dev.demo.provision import install, store
from dev.demo.terminal.progress import Progress

NAMESPACE = "bench-cold"
PLAIN = "models-without-twins"
READY_SECONDS = 120.0
SETS: dict[str, tuple[Sequence[Model], str]] = {
    "trees": (MODELS[:2], store.BUCKET),
    "trees and cnn (twin)": (MODELS, store.BUCKET),
    "cnn through TensorFlow": (MODELS[2:], PLAIN),
}
GOALS = {"trees": 4.0, "cnn through TensorFlow": 12.0}


def main() -> int:
    """Measure, print, write. 1: a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server.cold",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=5, help="starts of each (default 5)")
    options = parser.parse_args()
    progress, before = Progress(), os.getloadavg()[0]
    try:
        cluster = kube.connect()
        store.prepare(cluster, progress, NAMESPACE)
        _publish_plain(cluster)
        with progress.waiting(f"Operator installed with Helm into {install.NAMESPACE}"):
            install.install(cluster)
        found = {name: _starts(cluster, name, options.runs) for name in SETS}
    except StepFailed as failure:
        print(f"{failure}\nTry: {failure.hint}")
        return 1
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.server.cold",
        "machine": machine(),
        "load_average": {"before": round(before, 2), "after": round(os.getloadavg()[0], 2)},
        "seconds": found,
        "goals": GOALS,
    }
    (RESULTS / "server-cold.json").write_text(json.dumps(result, indent=1) + "\n")
    missed = [name for name, goal in GOALS.items() if median(found[name]) > goal]
    print(f"goals missed: {', '.join(missed)}" if missed else "all goals met")
    return 1 if missed else 0


def _publish_plain(cluster: kube.Kube) -> None:
    user, password = store.account(cluster)
    model = MODELS[2]
    with (
        tempfile.TemporaryDirectory(prefix="bench-cold-") as scratch,
        store.opened(cluster, user, password, PLAIN) as storage,
    ):
        plain = without_twin(model, store.MODELS, Path(scratch))
        storage.publish(model.directory(plain), model.name, model.version, replace=True)


def _starts(cluster: kube.Kube, name: str, runs: int) -> list[float]:
    models, bucket = SETS[name]
    cluster.apply(json.dumps(_manifest(models, bucket)))
    found, gone = [], set[str]()
    for _ in range(runs):
        pod = _started(cluster, gone, json.dumps([one.name for one in models]))
        found.append(pod["seconds"])
        gone.add(pod["name"])
        print(f"  {name}: {found[-1]:.2f} s")
        cluster("-n", NAMESPACE, "delete", "pod", pod["name"], "--wait=false")
    cluster("-n", NAMESPACE, "delete", "mdep", "m", "--timeout=60s")
    _until_gone(cluster)
    print(f"{name}: median {median(found):.2f} s, slowest {max(found):.2f} s")
    return found


def _started(cluster: kube.Kube, gone: set[str], what: str) -> dict[str, Any]:
    """Wait until a pod that isn't in `gone` is ready: its name and its seconds."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for pod in _pods(cluster):
            name, status = pod["metadata"]["name"], pod["status"]
            ready = any(
                c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])
            )
            if name in gone or not ready:
                continue
            seen = time.time()
            return {"name": name, "seconds": round(seen - _began(cluster, name), 2)}
        time.sleep(0.1)  # between two looks
    raise StepFailed(f"no pod with {what} was ready within {READY_SECONDS:.0f} s")


def _began(cluster: kube.Kube, pod: str) -> float:
    """When the container's first process started, in epoch seconds, give or take half a command."""
    before = time.time()
    command = ("exec", pod, "--", "cat", "/proc/uptime", "/proc/1/stat")
    uptime, stat = cluster("-n", NAMESPACE, *command).splitlines()
    after = time.time()
    ticks = int(stat.rpartition(")")[2].split()[19])  # field 22 of proc(5), starttime
    age = float(uptime.split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    return (before + after) / 2 - age


def _until_gone(cluster: kube.Kube) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while _pods(cluster):
        if time.monotonic() > deadline:
            raise StepFailed(f"pods in {NAMESPACE} are still there")
        time.sleep(0.5)  # between two looks


def _pods(cluster: kube.Kube) -> list[dict[str, Any]]:
    found = cluster.find("-n", NAMESPACE, "pods", "-l", "transit.dev/revision") or {"items": []}
    return list(found["items"])


def _manifest(models: Sequence[Model], bucket: str) -> dict[str, Any]:
    return {
        "apiVersion": "transit.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "m", "namespace": NAMESPACE},
        "spec": {
            "models": [{"name": one.name, "version": one.version} for one in models],
            "storage": {"uri": f"s3://{bucket}", "secretName": "minio"},
            "replicas": 1,
            "server": {"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}},
        },
    }


if __name__ == "__main__":
    command.run(main)
