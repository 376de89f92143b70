"""The stage of the end-to-end tests: the demo's, with real models, pods, gateway and traffic."""

import uuid
from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from dev.demo.play.stage import Stage
from dev.demo.provision import store
from dev.demo.terminal.progress import Progress
from tests.once import Once

RATE = 40.0  # requests a second: enough samples for a verdict in seconds, bounded and light


@pytest.fixture(scope="module")
def stage(operator: Kube, once: Once) -> Iterator[Stage]:
    """A ModelDeployment `kepler`, in a namespace for each file, and what watches and uses it."""
    progress = Progress()
    once("models", lambda: store.publish_all(operator, progress))
    namespace = f"e2e-{uuid.uuid4().hex[:8]}"
    store.admit(operator, namespace)
    with Stage(operator, progress, RATE, namespace) as opened:
        yield opened
    operator("delete", "namespace", namespace, "--wait=false")
