"""Good versions: a first one is judged too, a better one goes through exactly the spec's steps."""

from datetime import datetime
from itertools import pairwise

from .history import condition, statuses, weights_seen
from .scene import Scene


def when(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_good_candidate_takes_the_steps_and_nothing_else(scene: Scene) -> None:
    """Given a stable version, when a good one comes, then each step is held its time."""
    scene.holds("2s", "4s", "3s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 3, 60)
    uids = {pod["metadata"]["uid"] for pod in scene.pods(second)}
    scene.until_stable(second)

    assert weights_seen(scene.mdep.seen, second) == [0, 10, 50, 100]
    assert scene.given_weights(second) == [10, 50, 100]
    assert scene.reasons(second) == ["RolloutStarted", *["StepReached"] * 3, "Promoted"]
    at = [when(t["time"]) for t in scene.history if t.get("revision") == second]
    held = [round(end - start, 3) for start, end in pairwise(at[1:])]
    assert all(time >= hold for time, hold in zip(held, (2, 4, 3), strict=True)), held
    assert {pod["metadata"]["uid"] for pod in scene.pods(second)} == uids, "a pod was restarted"
    assert scene.status["previous"]["revision"] == first
    scene.settled([second])


def test_a_first_deployment_is_not_stable_before_it_is_healthy(scene: Scene) -> None:
    """Given nothing, when the first version isn't ready, then it is Pending, Failed, and heals."""
    scene.spec["rollout"]["progressDeadline"] = "6s"
    revision = scene.roll_out("1.0.0", ready=False)
    scene.until("it waits", lambda s: "0 of 1 pods ready" in s.get("message", ""), 15)
    failed = scene.until("the deadline", lambda s: s["phase"] == "Failed", 20)
    assert condition(failed, "Available")["status"] == "False"
    assert "Stable" not in {status.get("phase") for status in statuses(scene.mdep.seen)}
    scene.until_listening(revision)
    scene.tell(revision, ready=True)
    stable = scene.until_stable(revision)
    assert condition(stable, "Available")["status"] == "True"


def test_a_first_deployment_that_never_comes_up_is_replaced(scene: Scene) -> None:
    """Given a first version that never gets ready, when the spec is mended, then that serves."""
    broken = scene.roll_out("1.0.0", exit=1)
    scene.until("the cause is said", lambda s: "(exit code 1)" in s.get("message", ""), 40)
    mended = scene.roll_out("1.0.1")
    scene.until_stable(mended)
    assert scene.reasons() == ["Created", "Replaced", "Healthy"]
    assert scene.given_weights(broken) == []
    scene.settled([mended])


def test_libraries_that_differ_are_told_of_and_hold_nothing(scene: Scene) -> None:
    """Given a candidate made with other libraries, when it is tried, then the status says so."""
    first = scene.serving()
    assert scene.condition("DependenciesMatch")["status"] == "Unknown"
    second = scene.roll_out("1.1.0", differing=1)
    stable = scene.until_stable(second)
    told = condition(stable, "DependenciesMatch")
    assert (told["status"], told["reason"]) == ("False", "Differ")
    assert told["message"].startswith("puppet 1.1.0: ")
    assert stable["previous"]["revision"] == first
    assert stable["previous"]["differing"] == []
