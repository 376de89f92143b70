"""What the author of a ModelDeployment, and of nothing else, can't have the operator do.

One witness each: another namespace's Secrets, the node, another's name. Neighbours:
`test_authors_policy` has who may ask for pods of their own, `test_pods_asked_for` that Pod
Security holds for those, `test_whose_series` whose metrics count.
"""

import json
from typing import Any

import pytest

from dev.client.kube import Kube
from dev.cluster.ui import StepFailed
from tests.support import NEVER_READY, SYSTEM, Object, eventually, model_deployment
from transit_operator.api.server import RESERVED_ENV

AUTHOR = "--as=an-author"
MAY = ("--verb=create,get,list,watch,patch,update", "--resource=modeldeployments.transit.dev")


@pytest.fixture
def author(operator: Kube, namespace: str) -> Kube:
    """The cluster, in whose new namespace somebody may write ModelDeployments, and no more."""
    operator("-n", namespace, "create", "role", "author", *MAY)
    binding = ("--role=author", f"--user={AUTHOR.partition('=')[2]}")
    operator("-n", namespace, "create", "rolebinding", "author", *binding)
    return operator


def apply(kube: Kube, namespace: str, **spec: Any) -> None:
    """Create a ModelDeployment as the author. Raises: StepFailed."""
    kube("create", AUTHOR, "-f", "-", stdin=model_deployment("m", namespace, **spec))


def accepted(kube: Kube, namespace: str) -> Object:
    found = kube.find("-n", namespace, "mdep", "m") or {}
    conditions = (found.get("status") or {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == "Accepted"), {})


def refused(kube: Kube, namespace: str, words: str) -> None:
    """Wait until the status says why nothing is made."""
    eventually(
        f"the status says {words!r}",
        lambda: words in str(accepted(kube, namespace).get("message")),
        60,
    )
    assert (kube.find("-n", namespace, "deployments") or {"items": []})["items"] == []


def test_a_secret_is_one_of_the_same_namespace(author: Kube, namespace: str) -> None:
    """The same name elsewhere is another Secret, and no field says where."""
    secret = f"of-{namespace}"
    author("-n", SYSTEM, "create", "secret", "generic", secret, "--from-literal=AWS_REGION=x")
    try:
        with pytest.raises(StepFailed, match="must be the name of an object"):
            apply(author, namespace, storage={"uri": "s3://m", "secretName": f"{SYSTEM}/{secret}"})
        storage = {"uri": "s3://models", "secretName": secret}
        apply(author, namespace, **{**NEVER_READY, "storage": storage})
        refused(author, namespace, f'secret "{secret}" not found')
    finally:
        author("-n", SYSTEM, "delete", "secret", secret)
    for where in (SYSTEM, namespace):
        with pytest.raises(StepFailed, match="forbidden"):
            author("-n", where, AUTHOR, "get", "secrets")


@pytest.mark.parametrize("path", ["/etc", "/var/run/secrets", "/var/lib/kubelet"])
def test_a_directory_of_the_node_is_one_that_is_allowed(
    author: Kube, namespace: str, path: str
) -> None:
    apply(author, namespace, **{**NEVER_READY, "storage": {"uri": f"file://{path}"}})
    refused(author, namespace, "is not below a directory that the operator's configuration allows")
    assert (author.find("-n", namespace, "pods") or {"items": []})["items"] == []


def test_who_a_server_is_nobody_else_says(author: Kube, namespace: str) -> None:
    """Its metrics and tokens are by its identity; it has no account that it could speak as."""
    for name in RESERVED_ENV:
        env = [{"name": name, "value": "another"}]
        with pytest.raises(StepFailed, match="is set by the operator"):
            apply(author, namespace, server={"env": env})
    labels = {"transit.dev/model-deployment": "another"}
    with pytest.raises(StepFailed, match=r"transit\.dev"):
        apply(author, namespace, server={"podTemplate": {"metadata": {"labels": labels}}})
    apply(author, namespace, **NEVER_READY)
    pod, *_ = eventually(
        "a server",
        lambda: (
            author.find("-n", namespace, "pods", "-l", "transit.dev/revision") or {"items": []}
        )["items"],
        60,
    )
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert "serviceAccountToken" not in json.dumps(pod["spec"]["volumes"])


def test_what_the_operator_remembers_nobody_else_writes(author: Kube, namespace: str) -> None:
    """By a status an author would promote what was never judged."""
    apply(author, namespace, **NEVER_READY)
    patch = '{"status": {"stable": {"revision": "mine"}}}'
    with pytest.raises(StepFailed, match="forbidden"):
        author(
            *("-n", namespace, AUTHOR, "patch", "mdep", "m"),
            *("--subresource=status", "--type=merge", "-p", patch),
        )
