"""A ModelDeployment of puppets behind a real Envoy Gateway, and a way in through its Envoy."""

from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from dev.cluster import envoy, provider
from tests.once import Once
from tests.scenarios.scene import Scene, steady

from .client import Client


@pytest.fixture(scope="session")
def gateway(operator: Kube, once: Once) -> Kube:
    """A cluster with the operator and Envoy Gateway, whose Gateway has an Envoy."""
    once("envoy", provider.choose(None).envoy_gateway)
    return operator


@pytest.fixture
def scene(gateway: Kube, namespace: str) -> Iterator[Scene]:
    """A ModelDeployment `m` whose only Gateway is Envoy Gateway's; it isn't applied yet."""
    with steady(gateway, namespace) as opened:
        parent = {"name": envoy.GATEWAY, "namespace": envoy.NAMESPACE}
        opened.spec["traffic"]["gateway"]["parentRefs"] = [parent]
        yield opened


@pytest.fixture
def client(gateway: Kube, scene: Scene) -> Iterator[Client]:
    """Who asks through Envoy, with the scene's host name."""
    with gateway.forward(envoy.NAMESPACE, f"service/{envoy.SERVICE}", 80) as port:
        yield Client(port, f"{scene.namespace}.example.com")
