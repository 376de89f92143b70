"""`kubectl wait`, as people use it in pipelines, on a rollout under way."""

import subprocess

from tests.scenarios.scene import Scene

from .scene import GitScene


def waits(scene: Scene, condition: str, seconds: int = 60) -> "subprocess.Popen[str]":
    """Begin to wait for a condition, as in another shell."""
    what = ("-n", scene.namespace, "wait", f"mdep/{scene.name}", f"--for=condition={condition}")
    argv = scene.kube.kubectl.argv(*what, f"--timeout={seconds}s")
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_ready_is_when_the_new_version_has_all_traffic(scene: GitScene) -> None:
    """Given a rollout, when Ready is waited for, then it comes at 100 %, and not for the version
    before."""
    scene.holds("4s", "4s", "24h")
    scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    second = scene.ask_for("1.1.0")
    scene.apply()
    scene.mdep.wait_for("it is applied", lambda m: m["metadata"]["generation"] > 1, 60)
    with waits(scene, "Ready") as waiting:
        assert waiting.wait() == 0
    assert {"revision": second, "weight": 100} in scene.until("it is", lambda _: True)["traffic"]


def test_stalled_is_when_it_was_turned_back(scene: GitScene) -> None:
    """Given a bad version, when Stalled is waited for, then it comes with the rollback."""
    scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    scene.ask_for("1.1.0", errors=0.3)
    scene.apply()
    with waits(scene, "Stalled", 90) as waiting:
        assert waiting.wait() == 0
    assert scene.until("it is", lambda _: True)["phase"] == "RolledBack"
