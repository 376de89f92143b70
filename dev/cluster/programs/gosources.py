"""What Go modules carry besides programs: CRDs, and the schemas of Kubernetes' own kinds.

Neighbour: `gobuild` builds the programs of the same modules. Both have them from the Go module
proxy, so nothing here needs a code host.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .. import paths, shell, versions
from ..ui import step
from . import packages


def gateway_api() -> Path:
    """The source of Gateway API."""
    return _module("sigs.k8s.io/gateway-api", versions.GATEWAY_API)


def gateway_api_crds() -> Path:
    """The standard-channel CRDs of the Gateway API."""
    target = paths.cache() / "gateway-api" / f"v{versions.GATEWAY_API}"
    if not target.exists():
        with step("Gateway API CRDs"):
            _copied(gateway_api() / "config" / "crd" / "standard", target)
    return target


def argocd_crds() -> Path:
    """The CRDs of Argo CD."""
    target = paths.cache() / "argocd-crds" / f"v{versions.ARGOCD}"
    if not target.exists():
        with step("CRDs of Argo CD"):
            source = _module("github.com/argoproj/argo-cd/v3", versions.ARGOCD)
            _copied(source / "manifests" / "crds", target)
    return target


def envoy_gateway() -> Path:
    """The source of Envoy Gateway, which has its chart and CRDs."""
    return _module("github.com/envoyproxy/gateway", versions.ENVOY_GATEWAY)


def prometheus_operator_crds() -> Path:
    """The CRDs of the Prometheus Operator."""
    source = _module(
        "github.com/prometheus-operator/prometheus-operator", versions.PROMETHEUS_OPERATOR
    )
    return source / "example" / "prometheus-operator-crd"


def keda_crds() -> Path:
    """The CRDs of KEDA."""
    return _module("github.com/kedacore/keda/v2", versions.KEDA) / "config" / "crd" / "bases"


def kubernetes_openapi() -> Path:
    """The description of Kubernetes' own API, as its API server publishes it."""
    return _module("k8s.io/kubernetes", versions.KUBERNETES) / "api/openapi-spec/swagger.json"


def _module(name: str, version: str) -> Path:
    command = [packages.go(), "mod", "download", "-json", f"{name}@v{version}"]
    return Path(json.loads(shell.output(command))["Dir"])


def _copied(source: Path, target: Path) -> None:
    """Copy a folder whole or not at all."""
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part)
    part.rename(target)
