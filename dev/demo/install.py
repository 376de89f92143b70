"""The operator, installed with Helm from charts/transit as a user would.

Neighbours: the chart's defaults fit the development cluster; here is only what differs elsewhere.
"""

import os

from dev.cluster import paths
from dev.cluster.ui import StepFailed

from .kube import Kube
from .progress import Progress

RELEASE = "transit"
NAMESPACE = "transit-system"
DEPLOYMENT = f"{RELEASE}-operator"
PODS = "app.kubernetes.io/name=transit-operator"
CHART = paths.REPOSITORY / "charts" / "transit"


def install(kube: Kube, progress: Progress) -> None:
    """Install or upgrade, then wait until it is ready. Raises `StepFailed`."""
    with progress.waiting(f"Operator installed with Helm into {NAMESPACE}") as waiting:
        before = kube.find("-n", NAMESPACE, "deployment", DEPLOYMENT)
        # Helm installs CRDs, but never upgrades them
        kube("apply", "--server-side", "--force-conflicts", "-f", CHART / "crds")
        waiting.tell("helm upgrade --install")
        kube.helm(
            *("upgrade", "--install", RELEASE, CHART, "--namespace", NAMESPACE),
            *("--create-namespace", "--skip-crds", *_values(kube)),
        )
        if before is not None:  # the image has the same name, and may be a newer one
            kube("-n", NAMESPACE, "rollout", "restart", f"deployment/{DEPLOYMENT}")
        waiting.tell("waiting for its pod")
        try:
            kube.kubectl.rolled_out(NAMESPACE, [DEPLOYMENT], 90)
        except StepFailed as failure:
            failure.hint = f"kubectl -n {NAMESPACE} logs -l {PODS} --prefix"
            raise


def _values(kube: Kube) -> list[str]:
    values: list[str] = []
    if not kube("get", "nodes", "-l", "transit.dev/pool=cpu", "-o", "name").strip():
        # a cluster of one's own, whose nodes are of no pool
        values += ["--set", "config.pools.cpu.nodeSelector=null"]
    if registry := os.environ.get("TRANSIT_REGISTRY", "").rstrip("/"):
        values += ["--set", f"image.repository={registry}/operator"]
        values += ["--set", f"config.server.image={registry}/server:dev"]
    return values
