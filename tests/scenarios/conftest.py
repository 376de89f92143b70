"""A ModelDeployment of puppets for each scenario."""

from collections.abc import Iterator

import pytest

from dev.demo.kube import Kube

from .history import jumps, lost_traffic
from .scene import Scene


@pytest.fixture
def scene(operator: Kube, namespace: str) -> Iterator[Scene]:
    """A ModelDeployment `m` that isn't applied yet, in a namespace of its own.

    Whatever a scenario does, no weight may jump and no share of the traffic may be lost.
    """
    with Scene(operator, namespace) as opened:
        yield opened
        assert jumps(opened.mdep.seen) == []
        assert lost_traffic(opened.mdep.seen) == []
