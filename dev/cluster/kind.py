"""The cluster in Docker, by kind. Kept thin: it cannot run on the project's own machines.

The nodes get the labels, taint and extended resource of the local ones, and the same add-ons.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from . import addons, envoy, paths, shape, shell
from .images import sbom
from .kube import Kubectl
from .ui import StepFailed, say, step

NAME = "transit-dev"
GATEWAY_NODE_PORT = 30080  # as in manifests/traefik.yaml


class Kind:
    """See `provider.Provider`."""

    name = "kind"

    def up(self) -> None:
        """Create it once; then only the add-ons are looked at."""
        if NAME not in shell.output(["kind", "get", "clusters"]).split():
            config = paths.cache() / "kind.json"
            config.parent.mkdir(parents=True, exist_ok=True)
            config.write_text(json.dumps(cluster_config(), indent=1))
            with step("kind: create the cluster", f"kind delete cluster --name {NAME}, then again"):
                shell.run(
                    [
                        *("kind", "create", "cluster", "--name", NAME, "--wait=120s"),
                        *("--config", config, "--kubeconfig", self.kubeconfig()),
                    ],
                    paths.logs() / "kind.log",
                )
        self._advertise()
        addons.install(self._kubectl(), local=False)

    def down(self) -> None:
        """Delete it."""
        with step("kind: delete the cluster"):
            shell.output(["kind", "delete", "cluster", "--name", NAME])
            self.kubeconfig().unlink(missing_ok=True)

    def status(self) -> bool:
        """Nodes and pods."""
        if NAME not in shell.output(["kind", "get", "clusters"]).split():
            say("There is no kind cluster. Bring it up with: python3 -m dev.cluster up")
            return False
        say(self._kubectl()("get", "nodes,pods", "-A", "-o", "wide"))
        return self._kubectl().nodes_ready(len(shape.NODES))

    def build_images(self, dockerfiles: dict[str, Path]) -> None:
        """With Docker."""
        build_with_docker(dockerfiles)

    def load(self, images: Sequence[str]) -> None:
        """Into both nodes."""
        with step(f"kind: load {', '.join(images)}"):
            shell.run(
                ["kind", "load", "docker-image", "--name", NAME, *images], paths.logs() / "kind.log"
            )

    def kubeconfig(self) -> Path:
        """One of its own; the user's is left alone."""
        return paths.cache() / "kind.kubeconfig"

    def metrics(self) -> None:
        """From its public image."""
        addons.install_metrics(self._kubectl())

    def database(self) -> None:
        """From its public image."""
        addons.install_database(self._kubectl())

    def argocd(self) -> None:
        """From its public image."""
        addons.install_argocd(self._kubectl())

    def envoy_gateway(self) -> None:
        """From its public images."""
        envoy.install(self._kubectl())

    def pause_node(self, node: str) -> None:
        """Pause the node's container, pods and all; kind names both alike."""
        shell.output(["docker", "pause", node])

    def resume_node(self, node: str) -> None:
        """Let the node's container go on."""
        paused = shell.output(["docker", "inspect", "--format={{.State.Paused}}", node])
        if paused.strip() == "true":
            shell.output(["docker", "unpause", node])

    def gateway(self) -> str:
        """A port of the first node, published on loopback."""
        return shape.GATEWAY_URL

    def _kubectl(self) -> Kubectl:
        return Kubectl("kubectl", self.kubeconfig())

    def _advertise(self) -> None:
        for one in shape.NODES:
            selector = ",".join(f"{key}={value}" for key, value in one.labels.items())
            found = self._kubectl()("get", "nodes", "-l", selector, "-o", "name").split()
            for name in found if one.extended else []:
                addons.advertise(self._kubectl(), name, one.extended)


def cluster_config() -> dict[str, object]:
    """Two nodes, labelled and tainted like the local ones; the gateway's port on loopback."""
    port = {
        "containerPort": GATEWAY_NODE_PORT,
        "hostPort": shape.GATEWAY_PORT,
        "listenAddress": "127.0.0.1",
    }
    nodes: list[dict[str, object]] = []
    for one in shape.NODES:
        first = one is shape.CONTROL
        registration = {
            "taints": [
                {"key": key, "value": value, "effect": how} for key, value, how in one.taints
            ]
        }
        kind_of_join = "InitConfiguration" if first else "JoinConfiguration"
        patch = {"kind": kind_of_join, "nodeRegistration": registration}
        nodes.append(
            {
                "role": "control-plane" if first else "worker",
                "labels": dict(one.labels),
                "kubeadmConfigPatches": [json.dumps(patch)],
                "extraPortMappings": [port] if first else [],
            }
        )
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes}


def build_with_docker(dockerfiles: dict[str, Path]) -> None:
    """`docker build` of each Dockerfile with the repository as context."""
    for name, dockerfile in dockerfiles.items():
        log = paths.logs() / "docker-build.log"
        with step(f"Image {name}"):
            if not shell.succeeds(["docker", "info"]):
                raise StepFailed("no Docker engine answers", hint="start Docker, or CLUSTER=local")
            command = ["docker", "build", "--tag", name, "--file", dockerfile, paths.REPOSITORY]
            shell.run(command, log)
        sbom.write(name, copied)


def copied(name: str, inside: str, target: Path) -> None:
    """Copy one file out of an image."""
    container = shell.output(["docker", "create", name]).strip()
    try:
        shell.output(["docker", "cp", f"{container}:/{inside}", target])
    finally:
        shell.output(["docker", "rm", container])
