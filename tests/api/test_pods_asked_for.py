"""What a `podTemplate` asks for, on the real API server; and what it refuses of it is told."""

import json
from typing import Any

from dev.client.kube import Kube
from tests.support import NEVER_READY, Object, eventually, model_deployment

IMAGE: str = NEVER_READY["server"]["image"]
FOR_EVER = ["python3", "-c", "import signal; signal.pause()"]


def status(kube: Kube, namespace: str) -> dict[str, Any]:
    found = kube.find("-n", namespace, "mdep", "m") or {}
    result: dict[str, Any] = found.get("status") or {}
    return result


def accepted(kube: Kube, namespace: str) -> Object:
    conditions = status(kube, namespace).get("conditions", [])
    return next((c for c in conditions if c["type"] == "Accepted"), {})


def apply(kube: Kube, namespace: str, version: str = "1.0.0", **template: Any) -> None:
    spec = {
        "models": [{"name": "random_forest", "version": version}],
        **NEVER_READY,
        "server": NEVER_READY["server"] | {"podTemplate": template},
    }
    kube.apply(model_deployment("m", namespace, **spec))


def deployments(kube: Kube, namespace: str) -> list[Object]:
    selector = "transit.dev/model-deployment=m"
    found = kube.find("-n", namespace, "deployments", "-l", selector) or {"items": []}
    items: list[Object] = found["items"]
    return items


def test_the_deployment_is_as_asked_and_is_written_once(operator: Kube, namespace: str) -> None:
    shm = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1024Mi"}}
    apply(
        operator,
        namespace,
        metadata={"labels": {"team": "ml"}},
        spec={
            "serviceAccountName": "default",
            "priorityClassName": "system-cluster-critical",
            "volumes": [shm],
            "initContainers": [
                {"name": "proxy", "image": IMAGE, "command": FOR_EVER, "restartPolicy": "Always"}
            ],
            "containers": [
                {"name": "server", "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}]},
                {"name": "agent", "image": IMAGE, "command": FOR_EVER},
            ],
        },
    )
    (made,) = eventually("a Deployment", lambda: deployments(operator, namespace))
    pod = made["spec"]["template"]
    assert pod["metadata"]["labels"]["team"] == "ml"
    assert [c["name"] for c in pod["spec"]["containers"]] == ["server", "agent"]
    assert pod["spec"]["serviceAccountName"] == "default"
    assert accepted(operator, namespace)["status"] == "True"
    kept = operator.find("-n", namespace, "controllerrevisions", made["metadata"]["name"]) or {}
    assert kept["data"]["template"]["spec"]["containers"][1]["name"] == "agent"
    # A change that starts no rollout brings another look: nothing of the template is written.
    operator("-n", namespace, "patch", "mdep", "m", "--type=merge", "-p", '{"spec":{"replicas":2}}')
    again = eventually(
        "two replicas",
        lambda: [d for d in deployments(operator, namespace) if d["spec"]["replicas"] == 2],
    )
    assert [d["spec"]["template"] for d in again] == [pod]


def test_what_no_pod_has_is_told_and_mended_by_the_next_spec(
    operator: Kube, namespace: str
) -> None:
    apply(operator, namespace, spec={"affinty": {}})
    said = eventually(
        "the refusal",
        lambda: (lambda c: c if c.get("status") == "False" else None)(
            accepted(operator, namespace)
        ),
    )
    assert (said["reason"], "affinty" in said["message"]) == ("Refused", True), said
    assert deployments(operator, namespace) == []
    apply(operator, namespace, spec={"affinity": {}})
    eventually("a Deployment", lambda: deployments(operator, namespace))
    eventually("accepted", lambda: accepted(operator, namespace).get("status") == "True")


def test_pod_security_of_the_namespace_applies(operator: Kube, namespace: str) -> None:
    level = "pod-security.kubernetes.io/enforce=restricted"
    operator("label", "namespace", namespace, level)
    apply(operator, namespace, spec={"hostNetwork": True})
    eventually(
        "the cause in the status",
        lambda: "violates PodSecurity" in json.dumps(status(operator, namespace)),
    )
    pods = operator.find("-n", namespace, "pods") or {"items": []}
    assert pods["items"] == []
