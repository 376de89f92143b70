"""A rollout of puppets, and the command line in front of it."""

from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from tests.command_line import Cli
from tests.scenarios.scene import Scene


@pytest.fixture
def scene(operator: Kube, namespace: str) -> Iterator[Scene]:
    """A ModelDeployment `m` of puppets that isn't applied yet, in a namespace of its own."""
    with Scene(operator, namespace) as opened:
        yield opened


@pytest.fixture
def transit(operator: Kube, namespace: str) -> Cli:
    """The command line, in the test's namespace."""
    return Cli(operator, namespace)
