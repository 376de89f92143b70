"""`transit get` and `transit status` say what the cluster says, and end as a pipeline expects."""

import json

from tests.command_line import Cli
from tests.scenarios.scene import Scene


def test_get_and_status_show_what_there_is(scene: Scene, transit: Cli) -> None:
    assert "no ModelDeployment" in transit("get").stderr
    scene.holds("300s", "300s", "300s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_given(second, 10)
    header, row = transit("get").stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "AGE"]
    assert row.split()[:4] == ["m", "Progressing", "1.0.0", "1.1.0"]
    assert "10 %" in row
    kubectl = scene.kube("-n", scene.namespace, "get", "mdep", "m", "--no-headers").split()
    assert kubectl[:6] == ["m", "Progressing", "1.0.0", "1.1.0", "10", "1/3"]
    shown = transit.data("status", "m")
    parts = {one["role"]: one for one in shown["revisions"]}
    assert (parts["candidate"]["revision"], parts["candidate"]["weight"]) == (second, 10)
    assert (parts["stable"]["revision"], parts["stable"]["weight"]) == (first, 90)
    names = {pod["metadata"]["name"] for pod in scene.pods(second)}
    assert {pod["name"] for pod in parts["candidate"]["pods"]} == names
    assert shown["step"]["number"] == 1
    assert "bound 5 %" in transit("status", "m").stdout


def test_what_isnt_there_is_named_beside_what_is(scene: Scene, transit: Cli) -> None:
    scene.roll_out("1.0.0")
    missing = transit("status", "other")
    assert missing.returncode == 3
    assert "there is no ModelDeployment other" in missing.stderr
    assert "there are: m" in missing.stderr


def test_watching_a_good_version_ends_with_0(scene: Scene, transit: Cli) -> None:
    scene.serving()
    scene.ask_for("1.1.0")
    scene.apply()
    done = transit("status", "m", "--watch", "--timeout", "100s")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum("StepReached: step" in line for line in lines) == 3
    assert lines[-1] == "puppet 1.1.0 is the stable version"


def test_watching_a_bad_version_ends_with_1_and_says_why(scene: Scene, transit: Cli) -> None:
    scene.serving()
    scene.roll_out("1.1.0", errors=0.5)
    done = transit("status", "m", "--until", "Baking", "--timeout", "100s")
    assert done.returncode == 1, done.stdout
    assert "puppet 1.1.0 was rolled back, ErrorRate: error rate 50.0%" in done.stderr
    assert "transit why m" in done.stderr
    assert "Rejected: ErrorRate" in done.stdout


def test_watching_no_longer_than_asked_for_ends_with_2(scene: Scene, transit: Cli) -> None:
    scene.holds("300s", "300s", "300s")
    scene.serving()
    scene.roll_out("1.1.0")
    done = transit("status", "m", "--timeout", "2s")
    assert done.returncode == 2
    assert "not over after 2s" in done.stderr


def test_a_watch_of_data_prints_a_document_for_each_change(scene: Scene, transit: Cli) -> None:
    scene.serving()
    scene.roll_out("1.1.0")
    done = transit("status", "m", "--watch", "--timeout", "100s", "-o", "json")
    assert done.returncode == 0, done.stderr
    phases = [json.loads(line)["phase"] for line in done.stdout.splitlines()]
    assert phases[-1] == "Stable"
    assert "Baking" in phases
