"""What tests on a real cluster share: kubectl, the installed operator, a namespace of their own.

`make test` brings the cluster up and loads the images first. Unit tests use nothing of this.
"""

import uuid
from collections.abc import Iterator

import pytest

from dev.demo.kube import Kube, connect
from tests.support import install_operator


@pytest.fixture(scope="session")
def kube() -> Kube:
    """The cluster that is up."""
    return connect()


@pytest.fixture(scope="session")
def operator(kube: Kube) -> Kube:
    """The operator, installed from the chart as a user would, with the image built here."""
    install_operator(kube)
    return kube


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for one test; it goes in the background."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kube("create", "namespace", name)
    yield name
    kube("delete", "namespace", name, "--wait=false")
