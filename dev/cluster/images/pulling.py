"""Has every node of a cluster pull images before they are needed.

`current` uses it after a push, so that `images` means there what it means locally: the nodes have
them, and no first pod spends its `progressDeadline` on a pull. A pod on each node does it, and is
deleted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .. import shell
from ..kube import Kubectl
from ..ui import step

NAME = "transit-pull"
MINUTES = 15


def pull(kubectl: Kubectl, namespace: str, images: Sequence[str]) -> None:
    """Wait until all nodes have what these names mean in the registry now. Raises `StepFailed`."""
    delete = ("-n", namespace, "delete", "pod", "-l", f"app={NAME}", "--ignore-not-found")
    hint = f"kubectl -n {namespace} describe pods -l app={NAME}"
    with step("Images pulled by every node", hint) as note:
        kubectl(*delete)
        for node in kubectl.get("nodes")["items"]:
            kubectl.apply(json.dumps(_pod(node["metadata"]["name"], namespace, images)))

        def pulled() -> bool:
            pods = kubectl.get("-n", namespace, "pods", "-l", f"app={NAME}")["items"]
            waiting = [f"{pod['spec']['nodeName']} {why}" for pod in pods for why in _causes(pod)]
            note(", ".join(waiting))
            return not waiting

        shell.wait_for("the pull on all nodes", pulled, MINUTES * 60)
        kubectl(*delete)


def _causes(pod: dict[str, Any]) -> list[str]:
    """Why its containers don't run, each cause once; a pod that the node does not know has one."""
    statuses = pod["status"].get("containerStatuses")
    if not statuses:
        return ["starting"]
    states = [one["state"] for one in statuses if "running" not in one["state"]]
    return sorted({state.get("waiting", {}).get("reason", "ended") for state in states})


def _pod(node: str, namespace: str, images: Sequence[str]) -> dict[str, Any]:
    containers = [
        {
            "name": f"image-{number}",
            "image": image,
            "imagePullPolicy": "Always",  # the tag may have moved since the last time
            "command": ["sleep", "infinity"],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
        for number, image in enumerate(images)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{NAME}-{node.replace('.', '-')}",
            "namespace": namespace,
            "labels": {"app": NAME},
        },
        "spec": {
            "nodeName": node,
            "tolerations": [{"operator": "Exists"}],  # nodes with GPUs, too
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {  # as the pod security level `restricted` wants it
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": containers,
        },
    }
