"""The cluster without installed operators, for tests that run operators of their own."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.client.kube import Kube
from dev.demo.provision.install import DEPLOYMENT, PODS
from tests.failover.candidates import Pool
from tests.once import Once
from tests.support import OPERATOR, SYSTEM, eventually


@pytest.fixture(scope="session")
def alone(kube: Kube, once: Once) -> Kube:
    """The cluster without the installed operators, which watch all namespaces.

    They stay scaled to none: tests that need one install it, and Helm scales it up again.
    """

    def end_the_installed() -> None:
        kube("apply", "--server-side", "--force-conflicts", "-f", "crds")
        if kube.find("-n", SYSTEM, "deployment", DEPLOYMENT) is None:
            return
        kube("-n", SYSTEM, "scale", OPERATOR, "--replicas=0")
        eventually("the installed operators end", lambda: not pods(), 60)

    def pods() -> bool:
        return bool((kube.find("-n", SYSTEM, "pods", "-l", PODS) or {}).get("items"))

    once("alone", end_the_installed)
    return kube


@pytest.fixture
def pool(alone: Kube, namespace: str, tmp_path: Path) -> Iterator[Pool]:
    with ExitStack() as stack:
        yield Pool(alone, tmp_path, namespace, stack)
