"""The annotation transit.dev/action: each verb, each value once, also while pods are stuck."""

from typing import Any

import pytest

from .history import weights_seen
from .scene import Scene


def waiting_at_ten(scene: Scene) -> tuple[str, str]:
    """Given a candidate at 10 % whose hold is long; the revisions of stable and candidate."""
    scene.holds("300s", "300s", "300s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 1)
    return first, second


def test_promote_takes_one_step_for_each_value(scene: Scene) -> None:
    _, second = waiting_at_ten(scene)
    action = scene.command("promote")
    scene.until_step(second, 2, 20)
    scene.repeat(action)
    scene.kube("-n", scene.namespace, "label", "mdep", scene.name, "looked=at")
    assert {s["candidate"]["step"] for s in scene.evaluations(3)} == {2}
    scene.command("promote")
    scene.until_step(second, 3, 20)
    scene.command("promote")
    scene.until_stable(second, 20)
    assert weights_seen(scene.mdep.seen, second) == [0, 10, 50, 100]


def test_promote_full_goes_to_the_end(scene: Scene) -> None:
    _, second = waiting_at_ten(scene)
    scene.command("promote-full")
    scene.until_stable(second, 20)
    assert weights_seen(scene.mdep.seen, second)[:3] == [0, 10, 100]


def test_pause_and_resume(scene: Scene) -> None:
    scene.holds("3s", "1s", "1s")
    scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 1)
    scene.commanded("pause")
    scene.until(
        "its hold is over",
        lambda s: s["phase"] == "Paused" and s["candidate"]["heldSeconds"] > 4,
        30,
    )
    assert scene.given_weights(second) == [10]
    scene.command("resume")
    scene.until_stable(second)


def test_abort_then_rollback_of_a_promoted_one(scene: Scene) -> None:
    """abort rejects a candidate; rollback returns to the stable before this one."""
    first, second = waiting_at_ten(scene)
    scene.command("abort")
    scene.until_rejected(second, "Aborted", 15)
    scene.holds("1s", "1s", "1s")
    third = scene.roll_out("1.2.0")
    scene.until_stable(third)
    scene.command("rollback")
    back = scene.until(
        "the first one serves",
        lambda s: (
            s["stable"]["revision"] == first
            and s["traffic"] == [{"revision": first, "weight": 100}]
        ),
        30,
    )
    assert back["rejected"]["revision"] == third
    assert back["phase"] == "RolledBack"


@pytest.mark.parametrize("verb", ["promote", "abort", "resume", "retry", "rollback", "dance"])
def test_a_command_that_makes_no_sense_is_said_and_changes_nothing(scene: Scene, verb: str) -> None:
    first = scene.serving()
    before = scene.status
    scene.commanded(verb)
    assert scene.reasons()[-1] == "CommandIgnored"
    assert scene.history[-1]["message"].startswith(f"{verb}/1: ")
    for key in ("phase", "stable", "traffic", "message"):
        assert scene.status[key] == before[key]
    assert scene.status["stable"]["revision"] == first


def stuck(scene: Scene, **rollout: Any) -> tuple[str, str]:
    """Given a candidate whose pods never become ready; the revisions of stable and candidate."""
    first = scene.serving()
    scene.spec["rollout"] |= {"progressDeadline": "10m", **rollout}
    second = scene.roll_out("1.1.0", ready=False)
    scene.until("it waits", lambda s: "waiting for pods" in s.get("message", ""), 40)
    return first, second


def test_abort_wins_over_promote_while_pods_are_stuck(scene: Scene) -> None:
    first, second = stuck(scene)
    scene.commanded("promote")
    scene.commanded("promote-full")
    assert scene.status["traffic"] == [{"revision": first, "weight": 100}]
    scene.command("abort")
    scene.until_rejected(second, "Aborted", 10)
    assert weights_seen(scene.mdep.seen, second) == [0]
    scene.settled([first])


def test_pause_resume_and_a_mended_spec_while_pods_are_stuck(scene: Scene) -> None:
    first, second = stuck(scene)
    scene.commanded("pause")
    scene.until("it is paused", lambda s: s["phase"] == "Paused", 10)
    scene.commanded("resume")
    third = scene.roll_out("1.1.1")
    scene.until_stable(third)
    assert scene.reasons(second)[-1] == "Superseded"
    assert scene.status["previous"]["revision"] == first


def test_without_a_command_the_deadline_ends_it(scene: Scene) -> None:
    first, second = stuck(scene, progressDeadline="12s")
    rejected = scene.until_rejected(second, "NotReady", 30)
    assert "0 of 1 pods ready" in rejected["rejected"]["message"]
    assert rejected["stable"]["revision"] == first
