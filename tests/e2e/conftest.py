"""The stage of the end-to-end tests: the demo's, with real models, pods, gateway and traffic."""

from collections.abc import Iterator

import pytest

from dev.demo import store
from dev.demo.kube import Kube
from dev.demo.progress import Progress
from dev.demo.stage import NAMESPACE, Stage

RATE = 40.0  # requests a second: enough samples for a verdict in seconds, bounded and light


@pytest.fixture(scope="module")
def stage(operator: Kube) -> Iterator[Stage]:
    """A ModelDeployment `kepler`, fresh for each file of tests, and what watches and uses it."""
    progress = Progress()
    store.prepare(operator, progress, NAMESPACE)
    with Stage(operator, progress, RATE) as opened:
        yield opened
