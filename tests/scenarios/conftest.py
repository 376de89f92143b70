"""A ModelDeployment of puppets for each scenario."""

from collections.abc import Iterator

import pytest

from dev.client.kube import Kube

from .scene import Scene, steady


@pytest.fixture
def scene(operator: Kube, namespace: str) -> Iterator[Scene]:
    """A ModelDeployment `m` that isn't applied yet, in a namespace of its own."""
    with steady(operator, namespace) as opened:
        yield opened
