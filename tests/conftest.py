"""What tests on a real cluster share: kubectl, the installed operator, a namespace of their own.

`make test` brings the cluster up and loads the images first. Unit tests use nothing of this.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.demo.kube import Kube, connect

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def kube() -> Kube:
    """The cluster that is up."""
    return connect()


@pytest.fixture(scope="session")
def operator(kube: Kube) -> Kube:
    """The operator, installed from the chart as a user would, with the image built here."""
    kube("apply", "--server-side", "--force-conflicts", "-f", ROOT / "charts/transit/crds")
    kube.helm(
        "upgrade",
        "--install",
        "transit",
        ROOT / "charts/transit",
        "--namespace=transit-system",
        "--create-namespace",
        "--wait",
        "--timeout=120s",
    )
    # The tag is the same for every build: the pods must be of the image that is loaded now.
    kube("-n", "transit-system", "rollout", "restart", "deployment/transit-operator")
    kube(
        "-n", "transit-system", "rollout", "status", "deployment/transit-operator", "--timeout=120s"
    )
    return kube


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for one test; it goes in the background."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kube("create", "namespace", name)
    yield name
    kube("delete", "namespace", name, "--wait=false")
