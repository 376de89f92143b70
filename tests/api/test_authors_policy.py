"""`deploy/policy/authors.yaml`: who may not create pods may not have them made by the operator."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev.client.kube import Kube
from dev.cluster import paths
from dev.cluster.ui import StepFailed
from tests.once import in_turn
from tests.support import eventually, model_deployment

POLICY = paths.REPOSITORY / "deploy" / "policy" / "authors.yaml"
CHECK = {"name": "c", "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}
PODS = {"server": {"podTemplate": {"spec": {"serviceAccountName": "another"}}}}
CHECKS = {"rollout": {"checks": [CHECK]}}
IMAGE = {"server": {"image": "registry.example.com/mine:1"}}


@pytest.fixture
def authors(
    operator: Kube, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A namespace in which `author` may write ModelDeployments, and `deployer` pods as well.

    The policy is the whole cluster's: one test at a time has it.
    """
    kube = operator
    may = ("--verb=create,get,patch,update", "--resource=modeldeployments.transit.dev")
    kube("-n", namespace, "create", "role", "models", *may)
    kube("-n", namespace, "create", "role", "pods", "--verb=create", "--resource=pods")
    for role, who in (("models", "author"), ("models", "deployer"), ("pods", "deployer")):
        binding = (f"{who}-{role}", f"--role={role}", f"--user={who}")
        kube("-n", namespace, "create", "rolebinding", *binding)
    with in_turn(tmp_path_factory, "authors-policy"):
        kube("apply", "-f", POLICY)
        eventually("the policy is in force", lambda: refusal(kube, namespace, "author", **PODS))
        yield namespace
        kube("delete", "-f", POLICY)


def apply(kube: Kube, namespace: str, who: str, **spec: Any) -> None:
    kube(
        *("apply", "--server-side", f"--field-manager={who}", "--force-conflicts"),
        *(f"--as={who}", "-f", "-"),
        stdin=model_deployment("m", namespace, **spec),
    )


def refusal(kube: Kube, namespace: str, who: str, **spec: Any) -> str:
    """What is said of a try; empty where it is taken."""
    manifest = model_deployment("tried", namespace, **spec)
    command = ("create", "--dry-run=server", f"--as={who}", "-f", "-")
    try:
        kube(*command, stdin=manifest)
    except StepFailed as failure:
        return str(failure)
    return ""


def test_only_who_may_create_pods_asks_for_some(kube: Kube, authors: str) -> None:
    assert refusal(kube, authors, "author") == ""
    assert "you need the right to create pods" in refusal(kube, authors, "author", **PODS)
    assert "spec.rollout.checks asks" in refusal(kube, authors, "author", **CHECKS)
    assert "spec.server.image asks" in refusal(kube, authors, "author", **IMAGE)
    for asked in ({}, PODS, CHECKS, IMAGE):
        assert refusal(kube, authors, "deployer", **asked) == ""


def test_what_stands_there_may_stay(kube: Kube, authors: str) -> None:
    apply(kube, authors, "deployer", **PODS, **CHECKS)
    apply(kube, authors, "author", **PODS, **CHECKS, replicas=3)
    changed = json.loads(json.dumps(PODS).replace("another", "admin"))
    with pytest.raises(StepFailed, match="you need the right to create pods"):
        apply(kube, authors, "author", **changed, **CHECKS)
