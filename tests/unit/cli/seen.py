"""What the command line is shown: real statuses, as the operator's own rules write them."""

from typing import Any

from tests.unit.world import World
from transit_operator.core.times import rfc3339

Object = dict[str, Any]


def seen(world: World, name: str = "kepler", generation: int = 1) -> Object:
    """Return a world's ModelDeployment as the API server sends it."""
    return {
        "metadata": {
            "namespace": "ml",
            "name": name,
            "generation": generation,
            "creationTimestamp": rfc3339(world.now - 90_000),
        },
        "spec": world.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": world.status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def pods_of(world: World) -> list[Object]:
    """Return a world's pods as the API server sends them."""
    return [
        {
            "metadata": {
                "name": f"kepler-{pod.name}",
                "labels": {"transit.dev/revision": revision},
                "creationTimestamp": rfc3339(world.now - 400),
            },
            "spec": {"nodeName": "node-1"},
            "status": {
                "conditions": [{"type": "Ready", "status": str(pod.ready)}],
                "containerStatuses": [
                    {
                        "name": "server",
                        "ready": pod.ready,
                        "restartCount": pod.restarts,
                        "state": {} if pod.ready else {"waiting": {"reason": "CrashLoopBackOff"}},
                    }
                ],
            },
        }
        for revision, pods in world.pods.items()
        for pod in pods
    ]
