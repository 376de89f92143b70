"""A proxy between an operator and the real Prometheus, which answers as a test says.

Neighbours: `tests/puppet/prometheus_proxy.py` is what runs in its pod.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dev.client.kube import Kube
from dev.cluster import versions
from tests.scenarios.scene import Scene, post, steady

from .release import Release

PROXY = "bad-prometheus"
PORT = 9090
TIMEOUT_SECONDS = 2
UPSTREAM = "http://prometheus.monitoring.svc:9090"


class BadPrometheus:
    """The proxy in a namespace of its own."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace

    @property
    def url(self) -> str:
        return f"http://{PROXY}.{self._namespace}.svc:{PORT}"

    def start(self) -> None:
        """Make its pod and Service, and wait until it listens."""
        labels = {"app": PROXY}
        container = {
            "name": "proxy",
            "image": versions.PUPPET_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-m", "tests.puppet.prometheus_proxy"],
            "env": [{"name": "UPSTREAM", "value": UPSTREAM}, {"name": "PORT", "value": str(PORT)}],
            "readinessProbe": {"httpGet": {"path": "/puppet", "port": PORT}, "periodSeconds": 1},
        }
        metadata = {"name": PROXY, "namespace": self._namespace, "labels": labels}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
        pod["spec"] = {
            "nodeSelector": {"transit.dev/pool": "cpu"},
            "containers": [container],
            "terminationGracePeriodSeconds": 1,
        }
        service["spec"] = {"selector": labels, "ports": [{"port": PORT}]}
        self._kube.apply("\n---\n".join(map(json.dumps, (pod, service))))
        ready = ("wait", "--for=condition=Ready", f"pod/{PROXY}", "--timeout=30s")
        self._kube("-n", self._namespace, *ready)

    def stop(self) -> None:
        """Take the pod away: connections are refused."""
        self._kube("-n", self._namespace, "delete", "pod", PROXY)

    def answers(self, mode: str) -> None:
        """Answer so from now on."""
        post(self._kube, self._namespace, PROXY, mode, PORT)


@contextmanager
def asked_by_an_operator(
    kube: Kube, what: str, scenes: int = 1
) -> Iterator[tuple[BadPrometheus, list[Scene]]]:
    """A proxy that passes everything at first, and an operator that asks it; scenes of that."""
    namespace = f"test-{what}-prometheus-{uuid.uuid4().hex[:6]}"
    kube("create", "namespace", namespace)
    proxy = BadPrometheus(kube, namespace)
    asks = (
        f"config.prometheus.url={proxy.url}",
        f"config.prometheus.timeoutSeconds={TIMEOUT_SECONDS}",
    )
    try:
        proxy.start()
        with Release(kube, what, *asks, models=scenes) as release, ExitStack() as opened:
            yield proxy, [opened.enter_context(steady(kube, one)) for one in release.models]
    finally:
        kube("delete", "namespace", namespace, "--wait=false")
