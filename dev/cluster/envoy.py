"""Envoy Gateway as a second implementation of Gateway API, for `tests/envoy`.

Its own chart is rendered and applied; Gateway API's CRDs are those of `addons`, which every
Gateway here goes by. Neighbour: `manifests/envoy-gateway.yaml` has its GatewayClass and Gateway.
"""

from __future__ import annotations

from . import paths, shell, versions
from .kube import Kubectl
from .programs import gobuild, gosources
from .ui import step

NAMESPACE = "envoy-gateway-system"
GATEWAY = "public"
SERVICE = "envoy-public"  # of the Envoy that it starts for this Gateway


def install(kubectl: Kubectl) -> None:
    """Apply it (again), and wait until its Gateway has an Envoy that takes requests."""
    gobuild.build(["helm"])
    with step("Envoy Gateway: apply and wait until it is ready") as note:
        kubectl.apply(_crds())
        kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        kubectl.apply(rendered())
        note("envoy-gateway")
        kubectl.rolled_out(NAMESPACE, ["envoy-gateway"])
        kubectl.apply((paths.MANIFESTS / "envoy-gateway.yaml").read_text())
        note("envoy")
        programmed = "--for=condition=Programmed"
        kubectl("-n", NAMESPACE, "wait", programmed, "--timeout=120s", f"gateway/{GATEWAY}")


def rendered() -> str:
    """What its chart makes, without the webhook that labels pods with zones."""
    chart = gosources.envoy_gateway() / "charts" / "gateway-helm"
    settings = {
        "global.images.envoyGateway.image": versions.IMAGES["envoy-gateway"],
        "global.images.envoyGateway.pullPolicy": "IfNotPresent",
        "topologyInjector.enabled": "false",
        "createNamespace": "true",
        # Nor the policy that refuses other releases of Gateway API: it would hold for all suites.
        "crds.enabled": "false",
        # It keeps extensions there, and an image of one program has no such folder.
        "deployment.pod.extraVolumes[0].name": "data",
        "deployment.pod.extraVolumes[0].emptyDir.sizeLimit": "100Mi",
        "deployment.pod.extraVolumeMounts[0].name": "data",
        "deployment.pod.extraVolumeMounts[0].mountPath": "/var/lib/eg",
    }
    return shell.output(
        [
            *(gobuild.PROGRAMS["helm"].path, "template", "envoy-gateway", chart, "-n", NAMESPACE),
            *("-f", chart / "values.tmpl.yaml"),
            *(part for name, value in settings.items() for part in ("--set", f"{name}={value}")),
        ]
    )


def _crds() -> str:
    source = gosources.envoy_gateway() / "charts" / "gateway-helm" / "charts" / "crds" / "crds"
    return "---\n".join(file.read_text() for file in sorted((source / "generated").glob("*.yaml")))
