"""Deployments and autoscalers of a scene's revisions: how many pods, in what bounds, since when.

Neighbours: `test_autoscaling*.py` use it, and those of `tests/failover`.
"""

from dev.client.watch import Watch
from tests.support import Object, eventually

from .scene import Scene

# A minute in which new pods may have no figures, and the controller's period.
TOLD_SECONDS = 120.0


def deployment(scene: Scene, revision: str) -> Object:
    """A revision's Deployment as it is."""
    found = scene.kube.find("-n", scene.namespace, "deployment", f"m-{revision}")
    assert found is not None
    return found


def watched(scene: Scene, revision: str) -> Watch:
    """A watch of a revision's Deployment, to be opened with `with`."""
    path = f"/apis/apps/v1/namespaces/{scene.namespace}/deployments"
    return Watch(scene.kube, path, f"m-{revision}")


def sizes(deployment: Watch) -> list[int]:
    """Its different `spec.replicas` one after the other, by every version that was seen."""
    found: list[int] = []
    for one in deployment.seen:
        replicas = int(one.object["spec"]["replicas"]) if one.object else 0
        if [replicas] != found[-1:]:
            found.append(replicas)
    return found


def bounds(scene: Scene, revision: str) -> tuple[int, int] | None:
    """Least and most pods that a revision's autoscaler may choose."""
    found = scene.kube.find("-n", scene.namespace, "hpa", f"m-{revision}")
    return (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) if found else None


def said(scene: Scene) -> tuple[str, str]:
    """What the condition `ScalingActive` says: status and message."""
    found = scene.condition("ScalingActive")
    return found.get("status", ""), found.get("message", "")


def autoscale(scene: Scene, revision: str, pods: int) -> None:
    """What the autoscaler does on load, and wait until the pods are ready."""
    name = f"deployment/m-{revision}"
    scene.kube("-n", scene.namespace, "scale", name, f"--replicas={pods}")
    eventually(
        f"{pods} pods are ready",
        lambda: deployment(scene, revision)["status"].get("readyReplicas") == pods,
        40,
    )
