"""The verbs act on a real rollout and say what happened; refusals are said in the owner's words."""

from tests.command_line import Cli
from tests.scenarios.history import weights_seen
from tests.scenarios.scene import Scene


def waiting_at_ten(scene: Scene) -> tuple[str, str]:
    """Given a candidate at 10 % whose hold is long; the revisions of stable and candidate."""
    scene.holds("300s", "300s", "300s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_given(second, 10)
    return first, second


def test_promote_abort_retry(scene: Scene, transit: Cli) -> None:
    _, second = waiting_at_ten(scene)
    done = transit("promote", "m")
    assert done.returncode == 0, done.stderr
    scene.until_step(second, 2, 20)
    said = transit.data("abort", "m")
    assert said["done"]
    assert said["events"][0]["reason"] == "Rejected"
    scene.until_rejected(second, "Aborted", 15)
    done = transit("retry", "m")
    assert done.returncode == 0, done.stderr
    assert "is tried again by command" in done.stdout
    scene.until_step(second, 1, 30)


def test_promote_full_then_resolve(scene: Scene, transit: Cli) -> None:
    _, second = waiting_at_ten(scene)
    done = transit("promote", "m", "--full")
    assert done.returncode == 0, done.stderr
    scene.until_stable(second, 20)
    assert weights_seen(scene.mdep.seen, second)[:3] == [0, 10, 100]
    done = transit("resolve", "m")
    assert done.returncode == 0, done.stderr
    assert "Resolving: puppet 1.1.0: resolved again by command" in done.stdout
    found = scene.until(
        "the versions are known again",
        lambda s: s["history"][-1]["reason"] == "Resolving" and s["pins"]["models"],
    )
    assert [model["version"] for model in found["pins"]["models"]] == ["1.1.0"]
    assert found["stable"]["revision"] == second
    assert found.get("candidate") is None


def test_pause_and_resume_and_a_second_pause(scene: Scene, transit: Cli) -> None:
    waiting_at_ten(scene)
    assert "Paused: paused by command" in transit("pause", "m").stdout
    again = transit("pause", "m")
    assert again.returncode == 1
    assert "it is already paused" in again.stderr
    assert "resumed by command" in transit("resume", "m").stdout


def test_a_command_that_makes_no_sense_is_refused(scene: Scene, transit: Cli) -> None:
    scene.serving()
    for verb in ("promote", "abort", "retry", "resume", "rollback"):
        done = transit(verb, "m")
        assert done.returncode == 1, verb
        assert "nothing to" in done.stderr


def test_set_version_then_rollback(scene: Scene, transit: Cli) -> None:
    scene.holds("1s", "1s", "1s")
    scene.serving()
    dry = transit("set", "version", "m", "puppet=1.1.0", "--dry-run")
    assert dry.stdout.strip() == "puppet 1.0.0 → 1.1.0 (dry run)"
    wrong = transit("set", "version", "m", "newest")
    assert wrong.returncode == 1
    assert "an alias is one of stable, latest" in wrong.stderr
    assert transit("set", "version", "m", "puppet=1.1.0").returncode == 0
    assert transit("status", "m", "--watch", "--timeout", "100s").returncode == 0
    done = transit("rollback", "m")
    assert done.returncode == 0, done.stderr
    assert transit("status", "m", "--timeout", "60s").returncode == 1  # the spec asks for it still
    assert scene.status["stable"]["models"][0]["version"] == "1.0.0"


def test_without_an_operator_that_sees_it_a_command_times_out(scene: Scene, transit: Cli) -> None:
    scene.serving()
    done = transit("pause", "m", "--timeout", "0s")
    assert done.returncode in (0, 2)  # an operator may be quicker than no time at all
    if done.returncode == 2:
        assert "no operator has handled pause/" in done.stderr
