"""Scaling by requests in flight, without an adapter: what is made, and what is said of it.

The real controller finds no custom metrics API and says so. KEDA: `tests/failover/test_keda.py`.
"""

from tests.support import eventually
from transit_operator.core.objects.scaling.autoscaler import CONCURRENCY

from .scaling import TOLD_SECONDS, bounds, deployment, said
from .scene import Scene


def test_an_autoscaler_without_figures_is_told_in_its_own_words(scene: Scene) -> None:
    """Given no custom metrics API, when it scales by requests, then the condition says so."""
    of_metrics = scene.kube.find("apiservice", "v1beta1.custom.metrics.k8s.io")
    assert of_metrics is None, "this cluster has a custom metrics API: use the local cluster"
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = {"min": 1, "max": 4, "targetConcurrency": 4}
    first = scene.serving()
    eventually("an autoscaler", lambda: bounds(scene, first) == (1, 4), 15)
    made = scene.kube.find("-n", scene.namespace, "hpa", f"m-{first}") or {}
    (metric,) = made["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == CONCURRENCY
    assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": "4"}
    eventually("it is told", lambda: said(scene)[0] == "False", TOLD_SECONDS, 1.0)
    assert "FailedGetPodsMetric" in said(scene)[1]
    assert deployment(scene, first)["spec"]["replicas"] == 1
