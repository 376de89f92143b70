"""Argo CD's own actions on a rollout under way, by its own command line."""

import pytest

from dev.cluster.ui import StepFailed
from tests.scenarios.scene import STEPS

from .scene import GitScene


def test_approval_is_suspended_and_promote_goes_on(scene: GitScene) -> None:
    """Given a step that needs approval, when the action promote is run, then the rollout goes on,
    and self-heal doesn't take the annotation away."""
    scene.spec["rollout"]["steps"] = [{**STEPS[0], "approval": True}, *STEPS[1:]]
    scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    assert enabled(scene) == {"pause"}
    second = scene.ask_for("1.1.0")
    scene.apply()
    scene.app.until("it waits for approval", lambda _: scene.app.health == "Suspended", 60)
    assert "waits for approval" in scene.app.of("ModelDeployment")["health"]["message"]
    assert enabled(scene) == {"promote", "promote-full", "abort", "pause", "rollback"}

    scene.app.act("promote")
    scene.until_stable(second)
    scene.healthy()
    action = (scene.mdep.latest or {})["metadata"]["annotations"]["transit.dev/action"]
    assert action.startswith("promote/")
    assert scene.status["handledAction"] == action
    assert enabled(scene) == {"pause", "rollback"}


def test_pause_resume_abort_retry_and_rollback(scene: GitScene) -> None:
    """Given a rollout, when its actions are run one after the other, then health follows each."""
    scene.holds("60s", "60s", "60s")
    first = scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    second = scene.ask_for("1.1.0")
    scene.apply()
    scene.until_given(second, 10)

    scene.app.act("pause")
    scene.app.until("it is suspended", lambda _: scene.app.health == "Suspended", 30)
    scene.app.act("resume")
    scene.app.until("it goes on", lambda _: scene.app.health == "Progressing", 30)
    scene.app.act("abort")
    scene.until_rejected(second, "Aborted")
    scene.degraded()
    assert enabled(scene) == {"retry", "pause"}
    scene.app.act("retry")
    scene.until_given(second, 10)
    scene.app.until("it is tried again", lambda _: scene.app.health == "Progressing", 30)
    scene.app.act("promote-full")
    scene.until_stable(second)
    scene.app.until("all is well", lambda _: scene.app.health == "Healthy", 30)
    scene.app.act("rollback")
    scene.until_rejected(second, "Aborted")
    assert scene.status["stable"]["revision"] == first
    scene.app.until("Git asks for what is gone", lambda _: scene.app.health == "Degraded", 30)


def test_what_cannot_act_is_refused_or_told(scene: GitScene) -> None:
    """Given nothing to promote, when the action is run all the same, then the operator says so."""
    scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    scene.app.act("promote")
    scene.until("it is told", lambda _: scene.reasons()[-1:] == ["CommandIgnored"], 30)
    with pytest.raises(StepFailed):
        scene.app.act("explode")


def enabled(scene: GitScene) -> set[str]:
    """The actions that Argo CD offers as able to act."""
    scene.app.refreshed()
    return {name for name, able in scene.app.actions().items() if able}
