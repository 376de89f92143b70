"""kubectl for the demo and the end-to-end tests: commands, JSON, and port-forwards that clean up.

Neighbours: `dev.cluster` knows which cluster this machine has, its kubeconfig and its programs;
`watch.py` follows objects.
"""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster import gobuild, provider
from dev.cluster.kube import Kubectl
from dev.cluster.ui import StepFailed

FORWARD_SECONDS = 20.0


@dataclass(frozen=True)
class Kube:
    """One cluster: kubectl, helm, and the address of the Gateway `public`."""

    kubectl: Kubectl
    gateway: str
    cluster: str

    def __call__(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl; its answer. Raises `StepFailed` with what it said."""
        return self.kubectl(*arguments, stdin=stdin)

    def apply(self, text: str) -> None:
        """`kubectl apply` of YAML or JSON documents, as a user would. Raises `StepFailed`."""
        self.kubectl("apply", "--validate=strict", "-f", "-", stdin=text)

    def find(self, *arguments: str) -> dict[str, Any] | None:
        """`kubectl get` in JSON, or None where there is no such object. Raises `StepFailed`."""
        text = self.kubectl("get", *arguments, "--ignore-not-found", "-o", "json")
        if not text.strip():
            return None
        found: dict[str, Any] = json.loads(text)
        return found

    def says(self, *arguments: str) -> str:
        """What a command says, for a person to read: its failure too is an answer."""
        try:
            return self.kubectl(*arguments).rstrip()
        except StepFailed as failure:
            return f"(kubectl {' '.join(arguments)}: {failure})"

    def helm(self, *arguments: str | Path) -> str:
        """Run helm; its answer. Raises `StepFailed` with what it said."""
        built = gobuild.PROGRAMS["helm"].path
        program = built if built.exists() else shutil.which("helm")
        if program is None:
            raise StepFailed("there is no helm", hint="python3 -m dev.cluster build helm")
        chosen = [f"--kubeconfig={self.kubectl.kubeconfig}"] if self.kubectl.kubeconfig else []
        command = [str(program), *chosen, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StepFailed(f"helm {' '.join(map(str, arguments))[:200]}: {done.stderr[-1500:]}")
        return done.stdout

    @contextmanager
    def forward(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """A free port on loopback that leads to `target` while the block runs."""
        argv = self.kubectl.argv(
            *("-n", namespace, "port-forward", "--address=127.0.0.1", target, f":{port}")
        )
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        try:
            yield _forwarded_port(process, f"{namespace}/{target}")
        finally:
            process.terminate()
            process.wait(5)


def connect(name: str | None = None) -> Kube:
    """The cluster that `dev.cluster` would choose, which must be up. Raises `StepFailed`."""
    chosen = provider.choose(name)
    built = gobuild.PROGRAMS["kubectl"].path
    program: Path | str = built if chosen.name == "local" and built.exists() else "kubectl"
    kube = Kube(Kubectl(program, chosen.kubeconfig()), chosen.gateway(), chosen.name)
    try:
        kube("get", "--raw", "/readyz")
    except (StepFailed, OSError) as error:
        raise StepFailed(
            f"no cluster answers: {error}", hint="make cluster-up (python3 -m dev.cluster up)"
        ) from error
    return kube


def _forwarded_port(process: "subprocess.Popen[str]", target: str) -> int:
    """The port that kubectl chose. Without a pod it never says one: wait, but not long."""
    lines: list[str] = []
    found = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:  # read on to the end, or kubectl blocks on a full pipe
            if not found.is_set():
                lines.append(line.strip())
            if line.startswith("Forwarding from 127.0.0.1:"):
                found.set()

    threading.Thread(target=read, name="port-forward", daemon=True).start()
    deadline = time.monotonic() + FORWARD_SECONDS
    while not found.wait(0.1):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StepFailed(f"no port-forward to {target}: {' '.join(lines) or 'no answer'}")
    return int(lines[-1].split("127.0.0.1:")[1].split()[0])
