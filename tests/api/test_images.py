"""The images as pods have them: who they run as, what they could do, what they are made of.

The pods are `restricted`, as those of the chart and of revisions are, and look at their own image.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from dev.client.kube import Kube
from dev.cluster import versions
from tests.support import eventually

LOOK = (Path(__file__).parent / "image_contents.py").read_text()
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def looked_at(kube: Kube, namespace: str, image: str) -> dict[str, Any]:
    """What a pod of an image says of it. It names no user: the image's own has to do."""
    label = "pod-security.kubernetes.io/enforce=restricted"
    kube("label", "namespace", namespace, label)
    container = {
        "name": "look",
        "image": image,
        "command": ["python", "-c", LOOK],
        "securityContext": RESTRICTED,
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "look", "namespace": namespace},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    kube.apply(json.dumps(pod))

    def phase() -> str:
        found = kube.find("-n", namespace, "pod", "look") or {}
        return str(found.get("status", {}).get("phase"))

    eventually("the pod has looked", lambda: phase() in ("Succeeded", "Failed"), 120)
    said = kube("-n", namespace, "logs", "look")
    assert phase() == "Succeeded", said
    result: dict[str, Any] = json.loads(said)
    return result


@pytest.mark.parametrize(
    "image", [versions.OPERATOR_IMAGE, versions.DASHBOARD_IMAGE, versions.SERVER_IMAGE]
)
def test_an_image_gives_nobody_more_rights_and_names_all_it_has(
    kube: Kube, namespace: str, image: str
) -> None:
    seen = looked_at(kube, namespace, image)
    assert seen["user"] == 65532
    assert seen["raised"] == [], "files by which one becomes another user"
    assert seen["writable"] == []
    assert "ead-only" in seen["refused"] or "ermission denied" in seen["refused"]
    missing = set(seen["installed"]) - set(seen["listed"])
    assert not missing, "installed, and not in the SBOM"
