"""An autoscaler owns the pods, Transit its bounds (docs/decisions/0009-autoscaling.md).

The cluster has no metrics API, so the tests scale as an autoscaler does: by the scale subresource.
The real controller enforces minReplicas and maxReplicas meanwhile.
"""

from typing import Any

from tests.support import eventually

from .scene import Scene

SCALED = {"min": 1, "max": 4}


def deployment(scene: Scene, revision: str) -> dict[str, Any]:
    """A revision's Deployment as it is."""
    found = scene.kube.find("-n", scene.namespace, "deployment", f"m-{revision}")
    assert found is not None
    return found


def bounds(scene: Scene, revision: str) -> tuple[int, int] | None:
    """Least and most pods that a revision's autoscaler may choose."""
    found = scene.kube.find("-n", scene.namespace, "hpa", f"m-{revision}")
    return (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) if found else None


def autoscale(scene: Scene, revision: str, pods: int) -> None:
    """What the autoscaler does on load, and wait until the pods are ready."""
    name = f"deployment/m-{revision}"
    scene.kube("-n", scene.namespace, "scale", name, f"--replicas={pods}")
    eventually(
        f"{pods} pods are ready",
        lambda: deployment(scene, revision)["status"].get("readyReplicas") == pods,
        40,
    )


def autoscaled(scene: Scene) -> str:
    """Given a stable version that the load has brought to four pods."""
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = SCALED
    first = scene.serving()
    eventually("an autoscaler", lambda: bounds(scene, first) == (1, 4), 15)
    autoscale(scene, first, 4)
    return first


def test_the_candidate_gets_its_share_of_todays_pods(scene: Scene) -> None:
    """Given four pods by load, when a candidate is at 50 %, then it has two, and 4 at 100 %."""
    scene.holds("2s", "10m", "10m")
    first = autoscaled(scene)
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 2, 60)
    assert deployment(scene, first)["spec"]["replicas"] == 4, "nobody put it back"
    assert deployment(scene, second)["spec"]["replicas"] == 2
    assert bounds(scene, first) == (4, 4), "it can take everything back"
    weights = scene.status["traffic"]
    autoscale(scene, second, 3)
    scene.evaluations(2)
    assert scene.status["traffic"] == weights, "a scale event moves no weight"
    assert deployment(scene, second)["spec"]["replicas"] == 3, "nor is it put back"
    scene.command("promote")
    scene.until_step(second, 3, 60)
    assert deployment(scene, second)["spec"]["replicas"] == 4
    eventually("it may shrink again", lambda: bounds(scene, second) == (1, 4), 15)


def test_pods_change_hands_without_a_dip(scene: Scene) -> None:
    """Given three replicas, when an autoscaler takes over and gives back, then none is lost."""
    scene.spec["replicas"] = 3
    first = scene.serving()
    before = deployment(scene, first)["metadata"]["generation"]
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = {"min": 2, "max": 4}
    scene.apply()
    eventually("an autoscaler", lambda: bounds(scene, first) == (2, 4), 15)
    del scene.spec["autoscaling"]
    scene.spec["replicas"] = 3
    scene.apply()
    eventually("no autoscaler", lambda: bounds(scene, first) is None, 15)
    after = deployment(scene, first)
    assert after["spec"]["replicas"] == 3
    assert after["metadata"]["generation"] == before, "its spec was changed in between"
