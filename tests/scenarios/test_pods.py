"""Pods that don't come up, crash, are evicted or refused, and a stable that is broken itself."""

from contextlib import suppress

import pytest

from dev.cluster import versions
from dev.cluster.ui import StepFailed
from tests.support import Object, eventually

from .scene import Scene

PATIENT = {"consecutiveFailures": 100}
QUOTA = "--hard=requests.nvidia.com/gpu=2"
EXIT = '{"exit": 1}'


def crash(scene: Scene, revision: str) -> None:
    """End the processes of all pods of a revision that answer; others are down already."""
    for pod in scene.pods(revision):
        path = f"/api/v1/namespaces/{scene.namespace}/pods/{pod['metadata']['name']}"
        with suppress(StepFailed):
            scene.kube("create", "--raw", f"{path}:8000/proxy/puppet", "-f", "-", stdin=EXIT)


def test_an_image_that_cannot_be_pulled(scene: Scene) -> None:
    """Given a stable version, when the image of the next isn't there, then nothing is begun."""
    first = scene.serving()
    scene.spec["server"]["image"] = "transit.invalid/none:1"
    scene.roll_out("1.1.0")
    scene.until("the cause is said", lambda s: "ImagePull" in s.get("message", ""), 30)
    assert scene.condition("Accepted")["reason"] == "ResolverFailing"
    assert scene.status["traffic"] == [{"revision": first, "weight": 100}]
    assert "RolloutStarted" not in scene.reasons()
    scene.spec["server"]["image"] = versions.PUPPET_IMAGE
    scene.until_stable(scene.roll_out("1.1.0"))


def test_a_crash_loop_at_50_percent_is_cut_within_three_evaluations(scene: Scene) -> None:
    """Given 50 % and a stable pod that isn't ready, when the candidate crashes, it is cut."""
    scene.spec["replicas"] = 2
    scene.holds("2s", "10m", "3s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 2, 60)
    pod = scene.pods(first)[0]["metadata"]["name"]
    path = f"/api/v1/namespaces/{scene.namespace}/pods/{pod}:8000/proxy/puppet"
    scene.kube("create", "--raw", path, "-f", "-", stdin='{"ready": false}')

    def turned_back() -> Object | None:
        crash(scene, second)
        rejected: Object | None = scene.status.get("rejected")
        return rejected

    rejected = eventually("it is rolled back", turned_back, 60, 0.5)
    assert rejected["reason"] == "Health", rejected
    assert rejected["evidence"]["value"] == 3
    scene.until_rejected(second, "Health")
    assert scene.status["traffic"] == [{"revision": first, "weight": 100}]


def test_an_evicted_candidate_costs_no_step(scene: Scene) -> None:
    """Given 10 %, when the candidate's pod is evicted, then the rollout goes on with another."""
    scene.analysis["health"] = PATIENT
    scene.holds("6s", "2s", "3s")
    scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_judged(second)
    uid = scene.evict(second)
    scene.until_stable(second)
    assert uid not in {p["metadata"]["uid"] for p in scene.pods(second)}
    assert scene.given_weights(second) == [10, 50, 100]
    assert scene.reasons(second) == ["RolloutStarted", *["StepReached"] * 3, "Promoted"]


def no_room(scene: Scene, **rollout: str) -> tuple[str, str]:
    """Given a stable of two pods and a quota that it fills, when the next one comes; the revisions.

    The quota is on GPUs: Kubernetes counts anew whenever a pod ends, from what it knows of the
    others at that moment, and the pod that looks the version up ends just then; it has no GPU.
    """
    scene.in_the_gpu_pool()
    scene.spec["replicas"] = 2
    scene.spec["rollout"]["steps"] = [{"weight": 100, "hold": "2s"}]
    first = scene.serving()
    scene.kube("-n", scene.namespace, "create", "quota", "full", QUOTA)
    scene.spec["rollout"] |= rollout
    second = scene.roll_out("1.1.0")
    scene.until("the cause is said", lambda s: "exceeded quota" in s.get("message", ""), 30)
    return first, second


@pytest.mark.usefixtures("gpus")
def test_a_quota_without_room_fails_by_the_deadline(scene: Scene) -> None:
    """Given a full quota, when a new version comes, then its pods' refusal is told."""
    first, second = no_room(scene, progressDeadline="12s")
    found = scene.until_rejected(second, "NotReady", 60)
    assert "exceeded quota" in found["rejected"]["message"]
    assert scene.given_weights(second) == []
    scene.settled([first])


@pytest.mark.usefixtures("gpus")
def test_a_quota_that_is_lifted_in_time_lets_the_rollout_go_on(scene: Scene) -> None:
    """Given a full quota, when it is lifted before the deadline, then the rollout goes on."""
    _, second = no_room(scene, progressDeadline="2m")
    scene.kube("-n", scene.namespace, "delete", "quota", "full")
    scene.until_step(second, 1, 90)


def test_the_fix_of_a_stable_without_ready_pods(scene: Scene) -> None:
    """Given a stable whose pods are all unready, when the fix comes, then it serves and stays."""
    first = scene.serving()
    scene.tell(first, ready=False)
    scene.until("nothing serves", lambda s: s["phase"] == "Failed", 20)
    second = scene.roll_out("1.1.0")
    serving = [{"revision": second, "weight": 100}]
    scene.until("the fix serves", lambda s: s.get("traffic") == serving, 30)
    scene.until_stable(second)
    assert scene.given_weights(second) == [10, 50, 100]


def test_the_fix_of_a_stable_that_answers_errors(scene: Scene) -> None:
    """Given a stable that answers quick errors, when the slower fix comes, then it is promoted."""
    first = scene.serving()
    scene.tell(first, errors=1, latency=0.001)
    second = scene.roll_out("1.1.0", latency=0.01)
    scene.until_step(second, 1)
    scene.until(
        "there is nothing to compare with",
        lambda s: any(e.get("reason") == "StableBroken" for e in s.get("signals") or []),
        30,
    )
    scene.until_stable(second)
    assert scene.given_weights(second) == [10, 50, 100]


def test_an_unready_candidate_loses_its_share_until_it_is_ready(scene: Scene) -> None:
    """Given 10 %, when the candidate isn't ready, then the stable has all until it is again."""
    scene.analysis["health"] = PATIENT
    scene.holds("10m", "2s", "3s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 1)
    shared = sorted(
        [{"revision": first, "weight": 90}, {"revision": second, "weight": 10}],
        key=lambda w: str(w["revision"]),
    )
    scene.until("both share", lambda s: s["traffic"] == shared, 15)
    scene.tell(second, ready=False)
    alone = [{"revision": first, "weight": 100}]
    found = scene.until("the stable has all", lambda s: s["traffic"] == alone, 15)
    assert found["candidate"]["weight"] == 10
    assert found["phase"] == "Progressing"
    scene.tell(second, ready=True)
    scene.until("both share again", lambda s: s["traffic"] == shared, 15)
    assert scene.reasons(second) == ["RolloutStarted", "StepReached"]
