"""The cluster without installed operators, for tests that run operators of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_kube_config

from dev.demo.kube import Kube
from tests.support import CHART, OPERATOR, SYSTEM, eventually


@pytest.fixture(scope="module")
def alone(kube: Kube) -> Iterator[Kube]:
    """The cluster without the installed operators, which watch all namespaces."""
    kube("apply", "--server-side", "--force-conflicts", "-f", CHART / "crds")
    system = ("-n", SYSTEM)
    installed = kube.find(*system, "deployment", "transit-operator")
    if installed is None:
        yield kube
        return

    def pods() -> bool:
        selector = "app.kubernetes.io/name=transit-operator"
        return bool((kube.find(*system, "pods", "-l", selector) or {}).get("items"))

    kube(*system, "scale", OPERATOR, "--replicas=0")
    eventually("the installed operators end", lambda: not pods(), 60)
    yield kube
    kube(*system, "scale", OPERATOR, f"--replicas={installed['spec']['replicas']}")
    kube(*system, "rollout", "status", OPERATOR, "--timeout=120s")


@pytest.fixture
async def client(alone: Kube) -> AsyncIterator[ApiClient]:
    """The API server, as the operator's own client asks it."""
    configuration = Configuration()
    await load_kube_config(str(alone.kubectl.kubeconfig), client_configuration=configuration)
    async with ApiClient(configuration) as found:
        yield found
