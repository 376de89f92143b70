"""Whatever kubectl points at: the add-ons are installed, and images are pushed.

Nothing is created or deleted but the namespaces `traefik`, `monitoring`, `minio` and `postgres`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from . import addons, kind, shape, shell
from .images import buildah, pulling
from .kube import Kubectl
from .ui import StepFailed, say, step


class Current:
    """See `provider.Provider`."""

    name = "current"

    def up(self) -> None:
        """The add-ons."""
        if not shell.succeeds(["kubectl", "version"]):
            raise StepFailed("kubectl reaches no cluster", hint="kubectl config get-contexts")
        addons.install(Kubectl("kubectl"), local=False)
        say(f"Reach the gateway with: {self._forward()}")

    def down(self) -> None:
        """The add-ons' namespaces; the cluster is not ours."""
        with step("Remove the add-ons"):
            Kubectl("kubectl")("delete", "namespace", *addons.NAMESPACES, "--ignore-not-found")

    def status(self) -> bool:
        """The add-ons' pods."""
        say(Kubectl("kubectl")("get", "pods", "-A", "-o", "wide"))
        return True

    def build_images(self, dockerfiles: dict[str, Path]) -> None:
        """With Docker if it is there, else with buildah."""
        if _docker_runs():
            kind.build_with_docker(dockerfiles)
        else:
            buildah.build(dockerfiles)

    def load(self, wanted: Sequence[str]) -> None:
        """Push to the registry TRANSIT_REGISTRY, keeping the names' last parts and tags; every node
        pulls them.
        """
        registry = os.environ.get("TRANSIT_REGISTRY")
        if not registry:
            raise StepFailed(
                "a cluster of your own pulls its images from a registry",
                hint="set TRANSIT_REGISTRY=HOST/PATH, and the chart's image values to the same",
            )
        docker = _docker_runs()  # so it has built them: buildah may still have older ones
        targets = {name: f"{registry.rstrip('/')}/{name.rpartition('/')[2]}" for name in wanted}
        for name, target in targets.items():
            with step(f"Push {target}"):
                if docker:
                    shell.output(["docker", "tag", name, target])
                    shell.output(["docker", "push", target])
                else:
                    shell.output(
                        [*buildah.buildah("push"), *_plain(target), name, f"docker://{target}"]
                    )
        pulling.pull(Kubectl("kubectl"), addons.NAMESPACES[0], list(targets.values()))

    def kubeconfig(self) -> Path | None:
        """kubectl's own choice."""
        return None

    def metrics(self) -> None:
        """What a whole cluster should have; it is not ours to give."""
        group = "/apis/metrics.k8s.io/v1beta1"
        if not shell.succeeds(["kubectl", "get", "--raw", group]):
            raise StepFailed(
                "this cluster has no metrics API", hint="install metrics-server in it, or have it"
            )

    def database(self) -> None:
        """From its public image."""
        addons.install_database(Kubectl("kubectl"))

    def argocd(self) -> None:
        """It may do anything in a cluster; this one isn't ours."""
        raise StepFailed(
            "Argo CD is installed in a cluster of our own only: CLUSTER=local or CLUSTER=kind",
            hint="kubectl apply --server-side -n argocd -f deploy/argocd/argocd-cm.yaml"
            " adds ModelDeployments to an Argo CD that is there",
        )

    def envoy_gateway(self) -> None:
        """It has rights on all of a cluster; this one isn't ours."""
        raise StepFailed(
            "Envoy Gateway is installed in a cluster of our own only: CLUSTER=local or CLUSTER=kind"
        )

    def pause_node(self, node: str) -> None:
        """Never a node that isn't ours."""
        raise StepFailed(
            f"node {node} is not ours to stop", hint="CLUSTER=local or CLUSTER=kind for that"
        )

    def resume_node(self, node: str) -> None:
        """Nothing was paused."""

    def gateway(self) -> str:
        """Through a port-forward, which the user keeps open."""
        return shape.GATEWAY_URL

    def _forward(self) -> str:
        return f"kubectl -n traefik port-forward service/traefik {shape.GATEWAY_PORT}:80"


def _docker_runs() -> bool:
    return shell.succeeds(["docker", "info"])


def _plain(target: str) -> list[str]:
    """A registry on loopback needs no TLS, as with Docker; buildah has to be told."""
    host = target.partition("/")[0].partition(":")[0]
    return ["--tls-verify=false"] if host == "localhost" or host.startswith("127.") else []
