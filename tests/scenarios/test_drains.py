"""What a drain may take at one time, and that it never waits for ever."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from dev.cluster.ui import StepFailed
from tests.support import Object, eventually

from .scene import Scene


def budget(scene: Scene, revision: str) -> Object:
    found = scene.kube.find("-n", scene.namespace, "pdb", f"m-{revision}") or {}
    status: Object = found.get("status") or {}
    return status


def test_of_a_few_pods_one_may_go_at_a_time(scene: Scene) -> None:
    scene.spec["replicas"] = 3
    first = scene.serving()
    eventually("the budget", lambda: budget(scene, first).get("disruptionsAllowed") == 1)

    def refusal(pod: Object) -> str:
        try:
            scene.evict_pod(pod["metadata"]["name"])
        except StepFailed as failure:
            return str(failure)
        return ""

    # All at one moment: a little later there is another pod, and the next one may go.
    with ThreadPoolExecutor(3) as pool:
        refused = [said for said in pool.map(refusal, scene.pods(first)) if said]
    assert len(refused) == 2
    assert all("disruption budget" in said for said in refused)
    eventually("the next one may go", lambda: budget(scene, first)["disruptionsAllowed"] == 1, 40)


def test_a_single_pod_may_go(scene: Scene) -> None:
    first = scene.serving()
    eventually("the budget", lambda: budget(scene, first).get("disruptionsAllowed") == 1)
    uid = scene.evict(first)
    eventually(
        "another pod is ready",
        lambda: uid not in {p["metadata"]["uid"] for p in scene.pods(first)},
        40,
    )
    scene.until_stable(first)


def test_pods_that_are_not_ready_hold_up_no_drain(scene: Scene) -> None:
    """Given a version that never gets ready, then all of its pods may go at once."""
    scene.spec["replicas"] = 2
    scene.spec["rollout"]["progressDeadline"] = "10m"
    first = scene.roll_out("1.0.0", ready=False)
    scene.until_listening(first)
    names = [pod["metadata"]["uid"] for pod in eventually("pods", lambda: two(scene, first))]
    for pod in scene.pods(first):
        scene.evict_pod(pod["metadata"]["name"])
    eventually(
        "both are gone",
        lambda: not Counter(names) & Counter(p["metadata"]["uid"] for p in scene.pods(first)),
    )


def two(scene: Scene, revision: str) -> list[Object]:
    pods = scene.pods(revision)
    return pods if len(pods) == 2 else []
