"""Scaling by requests in flight, without an adapter or KEDA: what is made, and what is said of it.

The real controller finds no custom metrics API and says so. KEDA is its CRD only; what it would
write into a ScaledObject's status is written by hand.
"""

import json
from collections.abc import Iterator

import pytest

from dev.cluster.programs import gosources
from dev.demo.install import install
from dev.demo.kube import Kube
from tests.support import Object, eventually
from transit_operator.core.objects.scaling.autoscaler import CONCURRENCY

from .scaling import bounds, deployment
from .scene import Scene

SCALED = {"min": 1, "max": 4, "targetConcurrency": 4}
CRD = "crd/scaledobjects.keda.sh"
# A minute in which new pods may have no figures, and the controller's period.
TOLD_SECONDS = 120.0


def scaled_object(scene: Scene, revision: str) -> Object | None:
    """KEDA's object of a revision."""
    return scene.kube.find("-n", scene.namespace, "scaledobject", f"m-{revision}")


def scaling(scene: Scene) -> tuple[str, str]:
    """What the condition says: status and message."""
    found = scene.condition("ScalingActive")
    return found.get("status", ""), found.get("message", "")


def test_an_autoscaler_without_figures_is_told_in_its_own_words(scene: Scene) -> None:
    """Given no custom metrics API, when it scales by requests, then the condition says so."""
    of_metrics = scene.kube.find("apiservice", "v1beta1.custom.metrics.k8s.io")
    assert of_metrics is None, "this cluster has a custom metrics API: use the local cluster"
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = SCALED
    first = scene.serving()
    eventually("an autoscaler", lambda: bounds(scene, first) == (1, 4), 15)
    made = scene.kube.find("-n", scene.namespace, "hpa", f"m-{first}") or {}
    (metric,) = made["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == CONCURRENCY
    assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": "4"}
    eventually("it is told", lambda: scaling(scene)[0] == "False", TOLD_SECONDS, 1.0)
    assert "FailedGetPodsMetric" in scaling(scene)[1]
    assert deployment(scene, first)["spec"]["replicas"] == 1


@pytest.fixture
def keda(kube: Kube) -> Iterator[None]:
    """KEDA's CRD, and an operator that may use it, while the test lasts."""
    assert kube.find(CRD) is None, "this cluster has KEDA: use the local cluster"
    file = gosources.keda_crds() / "keda.sh_scaledobjects.yaml"
    try:
        kube("apply", "--server-side", "-f", file)
        install(kube, "config.keda.enabled=true")
        yield
    finally:
        install(kube)
        kube("delete", "--ignore-not-found", "-f", file)


@pytest.mark.disruptive
def test_keda_takes_over_and_gives_back(keda: None, scene: Scene) -> None:
    """Given an autoscaler, when KEDA is asked for and again not, then there is one of them."""
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = SCALED
    first = scene.serving()
    eventually("an autoscaler", lambda: bounds(scene, first) == (1, 4), 15)
    before = deployment(scene, first)["metadata"]["generation"]

    scene.spec["autoscaling"] = {**SCALED, "class": "KEDA", "max": 3}
    scene.apply()
    eventually("a ScaledObject", lambda: scaled_object(scene, first), 15)
    made = scaled_object(scene, first) or {}
    assert (made["spec"]["minReplicaCount"], made["spec"]["maxReplicaCount"]) == (1, 3)
    assert bounds(scene, first) is None, "two would fight"
    ready = {"type": "Ready", "status": "False", "reason": "TriggerError", "message": "no answer"}
    scene.kube(
        *("-n", scene.namespace, "patch", "scaledobject", f"m-{first}", "--subresource=status"),
        *("--type=merge", "-p", json.dumps({"status": {"conditions": [ready]}})),
    )
    eventually("it is told", lambda: scaling(scene)[0] == "False", TOLD_SECONDS, 1.0)
    assert scaling(scene)[1].endswith("does not scale: TriggerError: no answer")

    scene.spec["autoscaling"] = SCALED
    scene.apply()
    eventually("an autoscaler again", lambda: bounds(scene, first) == (1, 4), 15)
    assert scaled_object(scene, first) is None
    after = deployment(scene, first)
    assert after["spec"]["replicas"] == 1
    assert after["metadata"]["generation"] == before, "its spec was changed in between"
