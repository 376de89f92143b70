"""What a ModelDeployment makes, and who may change it. No model server needs to run for this.

The pods are puppets that never become ready: the objects are all that is looked at.
"""

import base64
import json
from typing import Any

import pytest

from dev.client.kube import Kube
from dev.cluster.ui import StepFailed
from dev.demo.provision.install import DEPLOYMENT
from tests.support import NEVER_READY, SYSTEM, Object, eventually, model_deployment
from transit_operator.core.objects.feedback import secret_name

ROUTED = {
    "replicas": 2,
    **NEVER_READY,
    "traffic": {
        "router": "gateway",
        # A host of their own: without one, what other tests ask for would be led to these pods,
        # of which none is ready.
        "gateway": {
            "parentRefs": [{"name": "public", "namespace": "traefik"}],
            "hostnames": ["objects.example.com"],
        },
    },
}
KINDS = (
    "deployments,services,httproutes,controllerrevisions,horizontalpodautoscalers,"
    "poddisruptionbudgets,pods"
)


def owned(kube: Kube, namespace: str) -> list[Object]:
    found = kube.find("-n", namespace, KINDS, "-l", "transit.dev/model-deployment=m")
    return found["items"] if found else []


def servers(kube: Kube, namespace: str) -> list[Object]:
    """The pods of revisions, without those that look versions up."""
    pods = [o for o in owned(kube, namespace) if o["kind"] == "Pod"]
    return [pod for pod in pods if "transit.dev/revision" in pod["metadata"]["labels"]]


def status(kube: Kube, namespace: str) -> dict[str, Any]:
    found = kube.find("-n", namespace, "mdep", "m")
    assert found is not None
    result: dict[str, Any] = found.get("status") or {}
    return result


def given(kube: Kube, namespace: str, **spec: Any) -> str:
    """Apply a ModelDeployment and return its first revision when everything of it is there."""
    kube.apply(model_deployment("m", namespace, **(ROUTED | spec)))
    stable = eventually("a revision", lambda: status(kube, namespace).get("stable"))
    revision: str = stable["revision"]
    eventually("the pods", lambda: servers(kube, namespace))
    return revision


def test_makes_what_the_contract_says(operator: Kube, namespace: str) -> None:
    revision = given(operator, namespace)
    made = {
        (o["kind"], o["metadata"]["name"]): o
        for o in owned(operator, namespace)
        if o["kind"] != "Pod"
    }
    assert set(made) == {
        ("ControllerRevision", f"m-{revision}"),
        ("Deployment", f"m-{revision}"),
        ("Service", f"m-{revision}"),
        ("Service", "m"),
        ("HTTPRoute", "m"),
        ("PodDisruptionBudget", f"m-{revision}"),
    }
    uid = operator.find("-n", namespace, "mdep", "m")["metadata"]["uid"]  # type: ignore[index]
    for obj in made.values():
        assert obj["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "transit"
        assert [owner["uid"] for owner in obj["metadata"]["ownerReferences"]] == [uid]
    pod = made["Deployment", f"m-{revision}"]["spec"]["template"]
    assert pod["metadata"]["labels"]["transit.dev/revision"] == revision
    assert pod["spec"]["nodeSelector"] == {"transit.dev/pool": "cpu"}
    container = pod["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    (backend,) = made["HTTPRoute", "m"]["spec"]["rules"][0]["backendRefs"]
    assert (backend["name"], backend["weight"]) == (f"m-{revision}", 100)
    event = eventually(
        "an event",
        lambda: operator.find("-n", namespace, "events", "--field-selector=reason=Created"),
    )
    assert "first deployment of random_forest 1.0.0" in json.dumps(event)


def test_deleting_removes_everything(operator: Kube, namespace: str) -> None:
    given(operator, namespace)
    assert operator.find("-n", namespace, "mdep", "m")["metadata"].get("finalizers") is None  # type: ignore[index]
    operator("-n", namespace, "delete", "mdep", "m", "--timeout=20s")
    eventually("nothing is left", lambda: not owned(operator, namespace), 60)


def test_the_key_for_feedback_is_made_once_and_mounted_and_goes_with_its_owner(
    operator: Kube, namespace: str
) -> None:
    revision = given(operator, namespace)
    found = operator.find("-n", namespace, "mdep", "m") or {}
    name = secret_name("m", found["metadata"]["uid"])
    secret = operator.find("-n", namespace, "secret", name) or {}
    assert len(base64.b64decode(secret["data"]["key"])) == 32
    assert [o["uid"] for o in secret["metadata"]["ownerReferences"]] == [found["metadata"]["uid"]]
    deployment = operator.find("-n", namespace, "deploy", f"m-{revision}") or {}
    mounted = [v.get("secret", {}).get("secretName") for v in volumes(deployment)]
    assert name in mounted
    operator.apply(
        model_deployment("m", namespace, **ROUTED, models=[{"name": "xgboost", "version": "1.0.0"}])
    )
    eventually(
        "another revision's pods",
        lambda: (
            {d["metadata"]["name"] for d in deployments(operator, namespace)} - {f"m-{revision}"}
        ),
    )
    again = operator.find("-n", namespace, "secret", name) or {}
    assert again["data"] == secret["data"]
    operator("-n", namespace, "delete", "mdep", "m", "--timeout=20s")
    eventually(
        "the key is gone", lambda: operator.find("-n", namespace, "secret", name) is None, 60
    )


def test_the_operator_makes_secrets_and_neither_reads_nor_changes_any(
    operator: Kube, namespace: str
) -> None:
    account = f"--as=system:serviceaccount:{SYSTEM}:{DEPLOYMENT}"
    rights = operator("auth", "can-i", "--list", "-n", namespace, account).splitlines()
    assert [line.split()[-1] for line in rights if "secrets" in line.split()[0]] == ["[create]"]
    with pytest.raises(StepFailed, match="cannot list resource"):
        operator("-n", namespace, "get", "secrets", account)


def volumes(deployment: Object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["volumes"]
    return found


def deployments(kube: Kube, namespace: str) -> list[Object]:
    return [o for o in owned(kube, namespace) if o["kind"] == "Deployment"]


def test_says_that_nothing_serves(operator: Kube, namespace: str) -> None:
    given(operator, namespace)
    eventually(
        "the pods in the status",
        lambda: "0 of 2 pods ready" in status(operator, namespace)["message"],
    )
    table = operator("-n", namespace, "get", "mdep")
    assert "PHASE" in table
    assert "Pending" in table
    conditions = {c["type"]: c for c in status(operator, namespace)["conditions"]}
    assert conditions["Available"]["status"] == "False"
    assert conditions["Accepted"]["status"] == "True"


def test_says_why_nothing_is_begun(operator: Kube, namespace: str) -> None:
    missing = {"server": {"image": "transit.invalid/none:1"}}
    operator.apply(model_deployment("m", namespace, **(ROUTED | missing)))
    eventually(
        "the cause in the status",
        lambda: "Pull" in status(operator, namespace).get("message", ""),
    )
    conditions = {c["type"]: c for c in status(operator, namespace)["conditions"]}
    assert conditions["Accepted"]["reason"] == "ResolverFailing"
    assert not [o for o in owned(operator, namespace) if o["kind"] == "Deployment"]


def test_a_change_of_replicas_is_no_new_revision(operator: Kube, namespace: str) -> None:
    revision = given(operator, namespace)
    operator.apply(model_deployment("m", namespace, **(ROUTED | {"replicas": 3})))
    eventually(
        "three replicas",
        lambda: operator.find("-n", namespace, "deploy", f"m-{revision}")["spec"]["replicas"] == 3,  # type: ignore[index]
    )
    assert status(operator, namespace)["stable"]["revision"] == revision


def test_restores_what_others_edit_and_leaves_alone_what_they_own(
    operator: Kube, namespace: str
) -> None:
    revision = given(operator, namespace)
    for kind, name, patch in (
        ("deploy", f"m-{revision}", '{"spec":{"replicas":7}}'),
        ("service", f"m-{revision}", '{"spec":{"selector":{"transit.dev/revision":"other"}}}'),
        ("httproute", "m", '{"spec":{"rules":[{"backendRefs":[{"name":"other","port":80}]}]}}'),
    ):
        operator("-n", namespace, "annotate", kind, name, "mesh.example/inject=yes")
        operator("-n", namespace, "patch", kind, name, "--type=merge", "-p", patch)

    def restored() -> bool:
        deployment = operator.find("-n", namespace, "deploy", f"m-{revision}") or {}
        service = operator.find("-n", namespace, "service", f"m-{revision}") or {}
        route = operator.find("-n", namespace, "httproute", "m") or {}
        backends = [b["name"] for r in route["spec"]["rules"] for b in r["backendRefs"]]
        return (
            deployment["spec"]["replicas"] == 2
            and service["spec"]["selector"]["transit.dev/revision"] == revision
            and backends == [f"m-{revision}"]
        )

    eventually("everything is restored", restored, 15)
    for kind, name in (("deploy", f"m-{revision}"), ("httproute", "m")):
        found = operator.find("-n", namespace, kind, name) or {}
        assert found["metadata"]["annotations"]["mesh.example/inject"] == "yes"


def test_never_takes_over_a_strangers_service(operator: Kube, namespace: str) -> None:
    operator("-n", namespace, "create", "service", "clusterip", "m", "--tcp=80:80")
    operator.apply(model_deployment("m", namespace, **ROUTED))
    said = eventually(
        "the refusal in the status",
        lambda: next(
            (
                c["message"]
                for c in status(operator, namespace).get("conditions", [])
                if c["type"] == "Accepted" and c["status"] == "False"
            ),
            None,
        ),
    )
    assert "Service m exists and is not Transit's" in said
    service = operator.find("-n", namespace, "service", "m") or {}
    assert "ownerReferences" not in service["metadata"]


def test_an_unknown_pool_is_said(operator: Kube, namespace: str) -> None:
    operator.apply(model_deployment("m", namespace, server={"pool": "tpu"}))
    said = eventually("a message", lambda: status(operator, namespace).get("message"))
    eventually(
        "the pool in the message",
        lambda: "no pool is named 'tpu'" in status(operator, namespace).get("message", said),
    )


@pytest.mark.usefixtures("gpus")
def test_a_gpu_revision_asks_for_its_pool(operator: Kube, namespace: str) -> None:
    revision = given(operator, namespace, server=NEVER_READY["server"] | {"pool": "gpu"})

    def node() -> Any:
        pods = servers(operator, namespace)
        return pods and pods[0]["spec"].get("nodeName")

    assert eventually("a node", node) == "gpu-0"
    deployment = operator.find("-n", namespace, "deploy", f"m-{revision}") or {}
    limits = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] in (1, "1")
