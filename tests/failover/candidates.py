"""Operator processes of the tests' own, each behind a recording proxy to the real API server.

No model server runs: a Deployment that the test scales, and the leader scales back, makes writes.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dev.client.kube import Kube
from dev.cluster.paths import REPOSITORY
from tests.failover.proxy import Proxy
from tests.support import eventually, looked_up


class Candidate:
    """One operator process and what it asked the API server for."""

    def __init__(
        self, name: str, proxy: Proxy, folder: Path, namespace: str, more: dict[str, Any]
    ) -> None:
        """`more` of its configuration."""
        self.proxy = proxy
        self.log = folder / f"{name}.log"
        config = folder / f"{name}.yaml"
        nowhere = {"cpu": {"nodeSelector": {"transit.dev/pool": "nowhere"}}}
        config.write_text(json.dumps({"namespaces": [namespace], "pools": nowhere} | more))
        command = [sys.executable, "-m", "transit_operator.runtime.main", f"--config={config}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, f"--lease={namespace}/operators"],
                env={**os.environ, "KUBECONFIG": str(proxy.kubeconfig(folder / f"{name}.kube"))},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
            )

    def wrote(self, after: float = 0.0) -> float | None:
        """When its first write arrived."""
        return min((write.at for write in self.proxy.writes(after)), default=None)

    def says(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in self.log.read_text()

    def until_up(self) -> None:
        """Wait until it leads or follows."""

        def up() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.says(" leads")

        eventually(f"{self.log.stem} leads or follows", up, 60)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


class Pool:
    """The operators of one test, and something that always asks for a write."""

    def __init__(self, kube: Kube, folder: Path, namespace: str, stack: ExitStack) -> None:
        self.kube, self.namespace = kube, namespace
        self._folder, self._stack = folder, stack
        self.all: list[Candidate] = []
        self.config: dict[str, Any] = {}  # more than they have anyway
        self._quiet = threading.Event()

    def add(self) -> Candidate:
        """Start one more operator and wait until it leads or follows."""
        candidate = self.start()
        candidate.until_up()
        return candidate

    def start(self, hidden: str = "") -> Candidate:
        """Start one more operator, for which a group of kinds may not be there yet."""
        assert self.kube.kubectl.kubeconfig is not None
        proxy = self._stack.enter_context(Proxy(Path(self.kube.kubectl.kubeconfig)))
        proxy.hidden = hidden
        name = f"operator-{len(self.all)}"
        candidate = Candidate(name, proxy, self._folder, self.namespace, self.config)
        self._stack.callback(candidate.stop)
        self.all.append(candidate)
        return candidate

    def disturb(self) -> None:
        """Scale the revision's Deployment by hand, until the end: the leader scales it back."""
        self.find_versions("m")
        name = eventually("a Deployment", self._deployment)

        def go_on() -> None:
            count = 0
            while not self._quiet.wait(0.25):
                count += 1
                scale = ("scale", f"deployment/{name}", f"--replicas={3 + count % 5}")
                self.kube.says("-n", self.namespace, *scale)

        thread = threading.Thread(target=go_on)
        thread.start()
        self._stack.callback(thread.join, 10)
        self._stack.callback(self._quiet.set)

    def find_versions(self, name: str) -> None:
        """Answer for the pod that looks a ModelDeployment's versions up, which no node runs."""
        where = ("-n", self.namespace)
        which = f"transit.dev/resolves,transit.dev/model-deployment={name}"

        def asking() -> Any:
            found = self.kube.find(*where, "pods", "-l", which)
            return found["items"] if found else []

        pod = eventually("a pod that looks versions up", asking)[0]
        status = json.dumps({"status": looked_up(pod)})
        self.kube(
            *where,
            "patch",
            "pod",
            pod["metadata"]["name"],
            "--subresource=status",
            f"--patch={status}",
        )

    def _deployment(self) -> str | None:
        found = self.kube.find("-n", self.namespace, "deployments")
        names = [item["metadata"]["name"] for item in found["items"]] if found else []
        return names[0] if names else None
