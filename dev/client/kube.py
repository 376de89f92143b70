"""kubectl and helm for the demo, the benchmarks and the tests: commands and JSON.

Neighbours: `dev.cluster` knows which cluster this machine has, its kubeconfig and its programs;
`watch.py` follows objects, `forward.py` leads into the cluster.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster import provider
from dev.cluster.kube import Kubectl
from dev.cluster.programs import gobuild
from dev.cluster.ui import StepFailed

from .forward import Forward


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

    def forward(self, namespace: str, target: str, port: int) -> Forward:
        """A free port on loopback that leads to `target`, as a context manager."""
        where = ("-n", namespace, "port-forward", "--address=127.0.0.1", target)
        return Forward(lambda local: self.kubectl.argv(*where, f"{local}:{port}"), target)


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
