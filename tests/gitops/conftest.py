"""A ModelDeployment of puppets that a real Argo CD syncs from Git, with what stands beside it."""

from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from dev.cluster import provider
from dev.cluster.programs import gobuild
from tests.once import once
from tests.scenarios.history import jumps, lost_traffic

from .scene import GitScene


@pytest.fixture(scope="session")
def argocd(operator: Kube, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Kube:
    """A cluster with the operator and Argo CD, which has Transit's health and actions."""
    once(tmp_path_factory, worker_id, "argocd", provider.choose(None).argocd)
    return operator


@pytest.fixture
def scene(argocd: Kube, namespace: str) -> Iterator[GitScene]:
    """A repository, an Application and a namespace of its own; nothing is committed yet."""
    with GitScene(argocd, namespace) as opened:
        yield opened
        assert jumps(opened.mdep.seen) == []
        assert lost_traffic(opened.mdep.seen) == []


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """Argo CD's and kstatus' own programs, built if they aren't there."""
    once(tmp_path_factory, worker_id, "programs", lambda: gobuild.build(["argocd", "kstatus"]))
