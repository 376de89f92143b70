"""Nodes that are drained or lost in mid-rollout: no step for it, and no traffic on dead pods.

Neighbours: `dev.cluster` stops a node's kubelet; `test_pods.py` has what befalls single pods.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dev.client.watch import Watch
from dev.cluster import provider
from tests.support import Object, eventually

from .history import jumps, lost_traffic, statuses
from .scene import Scene

LOST_SECONDS = 90.0  # the node controller gives a silent kubelet 50 s
PATIENT = {"consecutiveFailures": 100}


def is_ready(obj: Object) -> bool:
    """Whether a node or a pod says that it is ready."""
    found = obj["status"].get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in found)


def shares(status: Object) -> dict[str, int]:
    """Revision → percent of the traffic."""
    return {w["revision"]: w["weight"] for w in status.get("traffic") or []}


def watched(scene: Scene, pod: Object) -> Watch:
    """A watch of one pod."""
    path = f"/api/v1/namespaces/{scene.namespace}/pods"
    return Watch(scene.kube, path, pod["metadata"]["name"])


@contextmanager
def lost(scene: Scene, node: str) -> Iterator[None]:
    """A node whose kubelet is silent while the block runs, and that is back after it."""
    cluster = provider.choose(scene.kube.cluster)
    try:
        cluster.pause_node(node)
        yield
    finally:
        cluster.resume_node(node)
        what = f"node {node} is back"
        eventually(what, lambda: is_ready(scene.kube.find("node", node) or {"status": {}}), 60)


def begin_on(scene: Scene, stable: str, candidate: str) -> tuple[str, str]:
    """Given a stable version in one pool and a candidate at 10 % in another; the revisions."""
    scene.holds("10m", "2s", "3s")
    scene.spec["server"]["pool"] = stable
    first = scene.serving()
    scene.spec["server"]["pool"] = candidate
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 1)
    scene.until("both share", lambda s: shares(s) == {first: 90, second: 10}, 15)
    return first, second


def delay(scene: Scene, pod: Watch, revision: str) -> float:
    """Seconds from a pod's being not ready to the status that gives its revision nothing."""

    def unready_at() -> float | None:
        return next((v.at for v in pod.seen if v.object and not is_ready(v.object)), None)

    # The two watches are told one after the other: the status can come first.
    unready: float = eventually("the pod is not ready", unready_at, 10)
    without = next(
        v.at
        for v in scene.mdep.seen
        if v.at > unready - 1 and v.object and revision not in shares(v.object["status"])
    )
    return without - unready


@pytest.mark.disruptive
def test_a_lost_node_takes_no_traffic_along(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given one candidate and another one's stable on a node, when it is lost, then ...

    The candidate's share goes to its stable, the other's candidate carries everything, and each
    gets its own back with the node: no step for it, and nobody is rolled back.
    """
    if scene.kube.cluster == "current":
        pytest.skip("NOT RUN: no node of somebody else's is stopped; CLUSTER=local or CLUSTER=kind")
    with Scene(scene.kube, scene.namespace, "other") as other:
        gateway = other.spec["traffic"]["gateway"]
        gateway["hostnames"] = [f"other.{scene.namespace}.example.com"]
        for one in (scene, other):
            one.spec["rollout"]["progressDeadline"] = "10m"
        first, second = begin_on(scene, "cpu", "gpu")
        old, new = begin_on(other, "gpu", "cpu")
        (gone,), (gone_too,) = scene.pods(second), other.pods(old)
        node = gone["spec"]["nodeName"]
        assert gone_too["spec"]["nodeName"] == node
        with watched(scene, gone) as pod, watched(other, gone_too) as pod_too:
            with lost(scene, node):
                scene.until("the stable has all", lambda s: shares(s) == {first: 100}, LOST_SECONDS)
                other.until("the candidate has all", lambda s: shares(s) == {new: 100}, 15)
                took = (delay(scene, pod, second), delay(other, pod_too, old))
                scene.evaluations(3)
            other.until("the stable is back", lambda s: shares(s) == {old: 90, new: 10}, 60)
            scene.until("the candidate is back", lambda s: shares(s) == {first: 90, second: 10}, 60)
        with capsys.disabled():
            print(f"\n  traffic left the lost pods after {took[0]:.2f} and {took[1]:.2f} s")
        assert max(took) < 3
        for one, tried in ((scene, second), (other, new)):
            assert one.reasons(tried) == ["RolloutStarted", "StepReached"]
            assert one.status["candidate"]["step"] == 1
        assert jumps(other.mdep.seen) == []
        assert lost_traffic(other.mdep.seen) == []


def test_evictions_on_both_sides_move_no_weight_and_are_no_sickness(scene: Scene) -> None:
    """Given 50 % with three and two pods, when one of each is evicted, then nothing else moves."""
    scene.spec["replicas"] = 3
    scene.holds("2s", "10m", "3s")
    first = scene.serving(rate=10)
    second = scene.roll_out("1.1.0", rate=10)
    scene.until_step(second, 2, 60)
    scene.until_judged(second)
    mark, before = len(scene.mdep.seen), scene.status["candidate"]["heldSeconds"]
    evicted = {scene.evict(first), scene.evict(second)}

    def replaced() -> bool:
        pods = scene.pods()
        left = {pod["metadata"]["uid"] for pod in pods}
        return not evicted & left and len(pods) == 5 and all(map(is_ready, pods))

    eventually("others are in their place", replaced, 40)
    scene.evaluations(3)
    seen = statuses(scene.mdep.seen[mark:])
    assert {tuple(shares(s).items()) for s in seen} == {tuple(shares(scene.status).items())}
    assert shares(scene.status) == {first: 50, second: 50}
    assert {(s["candidate"]["step"], s["candidate"]["weight"]) for s in seen} == {(2, 50)}
    assert scene.reasons(second) == ["RolloutStarted", *["StepReached"] * 2]

    sick = [s["candidate"]["evidence"] for s in seen if s["candidate"].get("healthFailures")]
    assert [e["message"] for told in sick for e in told if e["signal"] == "health"] == []
    assert sick == []
    assert scene.status["candidate"]["heldSeconds"] > before, "the clock goes on"
