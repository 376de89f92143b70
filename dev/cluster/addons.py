"""What the demo needs besides Kubernetes: Gateway API, Traefik, Prometheus, MinIO; locally DNS too.

The manifests are ordinary ones with public image names, the same for every provider.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping

from . import paths
from .kube import Kubectl
from .programs import gosources
from .ui import step

NAMESPACES = ("monitoring", "minio", "traefik", "postgres")
SCRAPE_INTERVAL = "2s"  # as it stands in prometheus.yaml


def install(kubectl: Kubectl, *, local: bool) -> None:
    """Apply everything (again), then wait until it serves. Unchanged things stay as they are."""
    crds = gosources.gateway_api_crds()
    with step("Add-ons: apply"):
        kubectl.apply("---\n".join(file.read_text() for file in sorted(crds.glob("*.yaml"))))
        kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        if local:
            kubectl.apply((paths.MANIFESTS / "local" / "coredns.yaml").read_text())
        kubectl.apply(_prometheus())
        kubectl.apply((paths.MANIFESTS / "minio.yaml").read_text())
        _made_once(kubectl, "minio", "minio-root", _minio_account())
        kubectl.apply(_traefik(kubectl, local=local))
    with step("Add-ons: ready", "python3 -m dev.cluster status") as note:
        waiting = [("monitoring", "prometheus"), ("minio", "minio"), ("traefik", "traefik")]
        for namespace, name in [("kube-system", "coredns"), *waiting] if local else waiting:
            note(name)
            kubectl.rolled_out(namespace, [name])
        note("gateway")
        ready = "--for=condition=Programmed"
        kubectl("-n", "traefik", "wait", ready, "--timeout=60s", "gateway/public")


def install_metrics(kubectl: Kubectl) -> None:
    """metrics-server, until the API server has it among its own APIs."""
    with step("metrics-server: apply and wait until it has figures"):
        kubectl.apply((paths.MANIFESTS / "metrics-server.yaml").read_text())
        kubectl.rolled_out("monitoring", ["metrics-server"])
        available = "--for=condition=Available"
        kubectl("wait", available, "--timeout=60s", "apiservice/v1beta1.metrics.k8s.io")


def install_argocd(kubectl: Kubectl) -> None:
    """Argo CD's core and a Git server, with the health and actions of `deploy/argocd`."""
    crds = gosources.argocd_crds()
    with step("Argo CD: apply and wait until it is ready") as note:
        kubectl.apply("---\n".join(file.read_text() for file in sorted(crds.glob("*-crd.yaml"))))
        kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        kubectl.apply((paths.MANIFESTS / "argocd.yaml").read_text())
        _argocd_secret(kubectl)
        customization = paths.REPOSITORY / "deploy" / "argocd" / "argocd-cm.yaml"
        kubectl("apply", "--server-side", "-n", "argocd", "-f", customization)
        for name in ("argocd-redis", "argocd-repo-server", "argocd-application-controller", "git"):
            note(name)
            kubectl.rolled_out("argocd", [name])


def install_database(kubectl: Kubectl) -> None:
    """An empty PostgreSQL, until it answers; one that is there keeps what it has."""
    with step("PostgreSQL: apply and wait until it answers"):
        kubectl.apply((paths.MANIFESTS / "postgres.yaml").read_text())
        password = secrets.token_urlsafe(24)
        _made_once(kubectl, "postgres", "postgres-account", {"password": password})
        kubectl.rolled_out("postgres", ["postgres"])


def advertise(kubectl: Kubectl, node: str, resources: Mapping[str, str]) -> None:
    """Extended resources such as GPUs, the documented way: a patch of the node's status."""
    for resource, amount in resources.items():
        pointer = resource.replace("~", "~0").replace("/", "~1")
        patch = [
            {"op": "add", "path": f"/status/{part}/{pointer}", "value": amount}
            for part in ("capacity", "allocatable")
        ]
        kubectl(
            *("patch", "node", node, "--subresource=status", "--type=json"),
            f"--patch={json.dumps(patch)}",
        )


def _prometheus() -> str:
    text = (paths.MANIFESTS / "prometheus.yaml").read_text()
    interval = os.environ.get("TRANSIT_SCRAPE_INTERVAL", SCRAPE_INTERVAL)
    for setting in ("scrape_interval", "scrape_timeout"):
        text = text.replace(f"{setting}: {SCRAPE_INTERVAL}", f"{setting}: {interval}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return text.replace("transit.dev/config: HASH", f'transit.dev/config: "{digest}"')


def _traefik(kubectl: Kubectl, *, local: bool) -> str:
    file = paths.MANIFESTS / "traefik.yaml"
    if not local:
        return file.read_text()
    patch = paths.MANIFESTS / "local" / "traefik-patch.yaml"
    documents = file.read_text().split("\n---\n")
    deployment = next(text for text in documents if "\nkind: Deployment\n" in text)
    rest = "\n---\n".join(text for text in documents if text is not deployment)
    command = ["patch", "--local", "-f", "-", "--patch-file", str(patch), "-o", "yaml"]
    return f"{rest}\n---\n{kubectl(*command, stdin=deployment)}"


def _argocd_secret(kubectl: Kubectl) -> None:
    """What Argo CD signs with, made at random, once a cluster."""
    if kubectl("-n", "argocd", "get", "secret", "argocd-secret", "--ignore-not-found"):
        return
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "argocd-secret",
            "namespace": "argocd",
            "labels": {"app.kubernetes.io/part-of": "argocd"},
        },
        "stringData": {"server.secretkey": secrets.token_urlsafe(32)},
    }
    kubectl.apply(json.dumps(secret))


def _minio_account() -> Mapping[str, str]:
    """A root account made at random."""
    user, password = f"root-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    return {"rootUser": user, "rootPassword": password}


def _made_once(kubectl: Kubectl, namespace: str, name: str, content: Mapping[str, str]) -> None:
    """A Secret with this content, unless the cluster has it already."""
    if not kubectl("-n", namespace, "get", "secret", name, "--ignore-not-found"):
        literals = [f"--from-literal={key}={value}" for key, value in content.items()]
        kubectl("-n", namespace, "create", "secret", "generic", name, *literals)
