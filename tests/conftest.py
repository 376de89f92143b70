"""What tests on a real cluster share: kubectl, the installed operator, a namespace of their own.

`make test` brings the cluster up and loads the images first. Unit tests use nothing of this.

Property-based tests say the same on every run and every machine: they have a small budget, and by
`make test-long` (HYPOTHESIS_PROFILE=long) a large one.
"""

import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_kube_config

from dev.client.kube import Kube, connect
from dev.demo.provision.install import install
from tests.once import Once, in_turn
from tests.support import eventually

# kubectl and helm are started thousands of times, and most need no garbage collection at all.
os.environ.setdefault("GOGC", "400")

KEYS = Path(__file__).parent / "keys"

settings.register_profile(
    "unit",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
# Not the same stories every night, and what failed can be told again from the printed blob.
settings.register_profile(
    "long",
    settings.get_profile("unit"),
    derandomize=False,
    max_examples=2000,
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))


@pytest.fixture(scope="session")
def kube() -> Kube:
    """The cluster that is up."""
    return connect()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """What makes a thing once for all workers of this run."""
    return Once(tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def operator(kube: Kube, once: Once) -> Kube:
    """The operator, installed from the chart as a user would, with the image built here.

    One for all tests and all suites: an installed one of the same image and values stays as it is.
    """
    once("operator", lambda: install_for_tests(kube))
    return kube


def install_for_tests(kube: Kube, *values: str) -> None:
    """The installed operator as all tests need it; `values` are Helm's beside that."""
    key = f"config.signing.keys.tests={(KEYS / 'release.pub').read_text()}"
    install(kube, key, *values)


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for one test; it goes in the background."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kube("create", "namespace", name)
    yield name
    kube("delete", "namespace", name, "--wait=false")


@pytest.fixture
def gpus(kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All GPUs of the cluster, of which there are four: for one test at a time."""

    def users() -> list[str]:
        pods = (kube.find("pods", "--all-namespaces") or {"items": []})["items"]
        return [
            pod["metadata"]["name"]
            for pod in pods
            if "nvidia.com/gpu" in json.dumps([c["resources"] for c in pod["spec"]["containers"]])
        ]

    with in_turn(tmp_path_factory, "gpus"):
        # What an earlier test had goes in the background, after its drain.
        eventually("nobody has a GPU", lambda: not users(), 120)
        yield


@pytest.fixture
async def client(kube: Kube) -> AsyncIterator[ApiClient]:
    """The API server, as the operator's own client asks it."""
    configuration = Configuration()
    await load_kube_config(str(kube.kubectl.kubeconfig), client_configuration=configuration)
    async with ApiClient(configuration) as found:
        yield found
