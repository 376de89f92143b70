"""After a rollback: no loop by GitOps, retry, a new version, and a bad day after 100 %."""

import json

from .history import statuses
from .scene import NAME, Scene


def reapplied(scene: Scene, sync: int) -> None:
    """Server-side apply of the same spec, as Argo CD does it, with its tracking annotation."""
    manifest = scene.manifest()
    manifest["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": f"sync-{sync}"}
    scene.kube(
        *("apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller"),
        *("-f", "-"),
        stdin=json.dumps(manifest),
    )


def test_the_same_spec_again_is_not_tried_again(scene: Scene) -> None:
    first = scene.serving()
    second = scene.roll_out("1.1.0", errors=0.5)
    before = scene.until_rejected(second, "ErrorRate")["history"]
    for sync in range(3):
        reapplied(scene, sync)
    scene.spec["rollout"]["progressDeadline"] = "31s"  # so that it is known to be looked at
    reapplied(scene, 4)
    found = scene.kube.find("-n", scene.namespace, "mdep", NAME) or {}
    seen = scene.until(
        "the last spec is observed",
        lambda s: s["observedGeneration"] == found["metadata"]["generation"],
        15,
    )
    assert seen["phase"] == "RolledBack"
    assert seen["rejected"]["revision"] == second
    assert seen["history"] == before
    assert seen["traffic"] == [{"revision": first, "weight": 100}]
    assert scene.reasons().count("RolloutStarted") == 1


def test_retry_tries_again_and_may_succeed(scene: Scene) -> None:
    scene.serving()
    second = scene.roll_out("1.1.0", errors=0.1)
    scene.until_rejected(second, "ErrorRate")
    scene.analysis["errorRate"] = {"max": 0.2}
    scene.apply()
    scene.commanded("retry")
    scene.until_stable(second)
    assert "rejected" not in scene.status
    assert scene.given_weights(second)[-3:] == [10, 50, 100]


def test_a_version_after_a_rejected_one_starts_over_and_falls_back_to_the_original(
    scene: Scene,
) -> None:
    first = scene.serving()
    second = scene.roll_out("1.1.0", errors=0.5)
    scene.until_rejected(second, "ErrorRate")
    mark = len(scene.mdep.seen)
    third = scene.roll_out("1.2.0", latency=0.1)
    found = scene.until_rejected(third, "Latency")
    assert found["stable"]["revision"] == first
    assert scene.given_weights(third) == [10]
    for status in statuses(scene.mdep.seen[mark:]):
        assert second not in {w["revision"] for w in status["traffic"]}, "the rejected one again"
    scene.settled([first])


def test_at_the_last_hold_traffic_goes_back_as_fast_as_ready_pods_carry(scene: Scene) -> None:
    """Given 4 replicas and a standby of 2, when 100 % turns bad, then 50 % goes back at once."""
    scene.holds("1s", "1s", "300s")
    scene.spec["replicas"] = 4
    first = scene.serving(rate=10)
    second = scene.roll_out("1.1.0", rate=10)
    scene.until_step(second, 3, 60)

    def standby() -> int:
        found = scene.kube.find("-n", scene.namespace, "deployment", f"{NAME}-{first}") or {}
        return int(found["spec"]["replicas"])

    scene.until("the standby is smaller", lambda _: standby() == 2, 30)
    mark = len(scene.mdep.seen)
    scene.tell(second, errors=0.5)
    scene.until_rejected(second, "ErrorRate", 30)
    shares = [
        {w["revision"]: w["weight"] for w in status["traffic"]}.get(first, 0)
        for status in statuses(scene.mdep.seen[mark:])
    ]
    assert shares == sorted(shares), "the stable's share fell"
    steps = sorted(set(shares) - {0})
    assert steps[0] == 50, steps
    assert steps[-1] == 100
    assert set(steps) <= {50, 75, 100}, steps
    assert standby() == 4
    scene.settled([first])
