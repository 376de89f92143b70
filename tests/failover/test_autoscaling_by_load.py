"""A real autoscaler with real figures: load in mid-rollout makes pods, and moves no weight.

It registers the metrics API in the whole cluster, and takes it away again: a cluster with one has
autoscalers that undo what `tests/scenarios/test_autoscaling.py` does by hand, which is why it
stands here. Neighbours: `dev.cluster metrics`, the puppet's knob `busy`.
"""

from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from dev.cluster import paths, provider
from tests.scenarios.scaling import bounds, sizes, watched
from tests.scenarios.scene import Scene, steady
from tests.support import Object, eventually

from .release import Release

REQUEST = "20m"
BUSY = 0.06  # of one CPU: 300 % of what is requested
# Figures of a new pod come after one or two of the kubelet's looks, 15 s apart; so does the
# autoscaler's look at them.
SCALED_SECONDS = 120.0


@pytest.fixture
def metrics(alone: Kube) -> Iterator[None]:
    """The metrics API, while the test lasts, unless the cluster had it before."""
    had = alone.find("apiservice", "v1beta1.metrics.k8s.io") is not None
    try:
        provider.choose(alone.cluster).metrics()
        yield
    finally:
        if not had:
            alone("delete", "--ignore-not-found", "-f", paths.MANIFESTS / "metrics-server.yaml")


@pytest.fixture
def scene(metrics: None, alone: Kube) -> Iterator[Scene]:
    """A ModelDeployment of an operator of its own."""
    with Release(alone, "load") as release, steady(alone, release.models[0]) as opened:
        yield opened


def utilization(scene: Scene, revision: str) -> Object:
    """What a revision's autoscaler knows: its status."""
    found = scene.kube.find("-n", scene.namespace, "hpa", f"m-{revision}") or {}
    status: Object = found.get("status") or {}
    return status


def test_load_on_the_stable_makes_pods_for_both_and_moves_no_weight(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given 10 %, when the stable gets busy, then it grows to its most, and nothing else moves.

    The next step's candidate then has its share of the pods that the load made.
    """
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = {"min": 1, "max": 3, "targetCPU": 80}
    scene.spec["server"]["resources"]["requests"]["cpu"] = REQUEST
    scene.holds("10m", "10m", "10m")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_judged(second)
    weights = scene.status["traffic"]
    with watched(scene, first) as stable, watched(scene, second) as candidate:
        scene.tell(first, busy=BUSY)
        eventually("there are three", lambda: sizes(stable)[-1:] == [3], SCALED_SECONDS, 1.0)
        told = utilization(scene, first)
        eventually("it can take everything back", lambda: bounds(scene, first) == (3, 3), 15)
        scene.evaluations(3)
        assert scene.status["traffic"] == weights
        assert scene.given_weights(second) == [10]
        assert sizes(candidate) == [1]
        grew = sizes(stable)
        assert grew == sorted(grew), "it was put back in between"
        scene.command("promote")
        scene.until_step(second, 2, 45)
        assert sizes(candidate) == [1, 2]
    with capsys.disabled():
        figures = [
            m["resource"]["current"] for m in told.get("currentMetrics") or [] if "resource" in m
        ]
        print(f"\n  the stable's pods, one after the other: {grew}; its autoscaler saw {figures}")
