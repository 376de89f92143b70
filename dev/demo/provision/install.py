"""The operator, installed with Helm from charts/transit as a user would; also by the tests.

Neighbours: `../manifests/values.yaml` is what the development cluster has otherwise than the
chart's defaults; here is only what differs elsewhere.
"""

import os
from pathlib import Path

from dev.client.kube import Kube
from dev.cluster import paths
from dev.cluster.images import buildah
from dev.cluster.ui import StepFailed

RELEASE = "transit"
NAMESPACE = "transit-system"
DEPLOYMENT = f"{RELEASE}-operator"
PODS = "app.kubernetes.io/name=transit-operator"
CHART = paths.REPOSITORY / "charts" / "transit"
VALUES = Path(__file__).parents[1] / "manifests" / "values.yaml"
CRD = "crd/modeldeployments.transit.dev"
READY_SECONDS = 120


def install(kube: Kube, *values: str) -> None:
    """Install or upgrade, then wait until it is ready. Raises `StepFailed`.

    `values` are Helm's, as `config.workers=4`; those of an earlier call are forgotten. The image's
    tag is the same for every build, so its content is an annotation of the pods: they are replaced
    when it or the configuration has changed, and only then.
    """
    adopt_crd(kube, RELEASE, NAMESPACE)
    build = buildah.inputs(paths.REPOSITORY / "Dockerfile.operator")
    kube.helm(
        *("upgrade", "--install", RELEASE, CHART, "--namespace", NAMESPACE, "--create-namespace"),
        *("--reset-values", f"--values={VALUES}"),
        f"--set-string=podAnnotations.build=sha256-{build}",
        *(f"--set={value}" for value in (*of_this_cluster(kube), *values)),
    )
    try:
        kube.kubectl.rolled_out(NAMESPACE, [DEPLOYMENT], READY_SECONDS)
    except StepFailed as failure:
        failure.hint = f"kubectl -n {NAMESPACE} logs -l {PODS} --prefix"
        raise


def adopt_crd(kube: Kube, release: str, namespace: str) -> None:
    """Give the CRD, where there is one, to a release, as docs/guides/operations.md has it.

    It may be kubectl's, another release's, or that of a chart which left CRDs to kubectl.
    """
    if kube.find(CRD) is None:
        return
    kube("label", CRD, "--overwrite", "app.kubernetes.io/managed-by=Helm")
    kube(
        *("annotate", CRD, "--overwrite", f"meta.helm.sh/release-name={release}"),
        f"meta.helm.sh/release-namespace={namespace}",
    )


def of_this_cluster(kube: Kube) -> list[str]:
    """Helm values for what this cluster has otherwise than the development cluster."""
    values: list[str] = []
    if not kube("get", "nodes", "-l", "transit.dev/pool=cpu", "-o", "name").strip():
        # a cluster of one's own, whose nodes are of no pool
        values += ["config.pools.cpu.nodeSelector=null"]
    if registry := os.environ.get("TRANSIT_REGISTRY", "").rstrip("/"):
        values += [f"image.repository={registry}/operator"]
        values += [f"dashboard.image.repository={registry}/dashboard"]
        values += [f"config.server.image={registry}/server:dev"]
    return values
