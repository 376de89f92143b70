"""A ModelDeployment of puppets that a real Argo CD syncs from Git, with what stands beside it."""

from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from dev.cluster import provider
from dev.cluster.programs import gobuild
from tests.once import Once
from tests.scenarios.scene import kept_steady

from .scene import GitScene


@pytest.fixture(scope="session")
def argocd(operator: Kube, once: Once) -> Kube:
    """A cluster with the operator and Argo CD, which has Transit's health and actions."""
    once("argocd", provider.choose(None).argocd)
    return operator


@pytest.fixture
def scene(argocd: Kube, namespace: str) -> Iterator[GitScene]:
    """A repository, an Application and a namespace of its own; nothing is committed yet."""
    with kept_steady(GitScene(argocd, namespace)) as opened:
        yield opened


@pytest.fixture(scope="session")
def programs(once: Once) -> None:
    """Argo CD's and kstatus' own programs, built if they aren't there."""
    once("programs", lambda: gobuild.build(["argocd", "kstatus"]))
