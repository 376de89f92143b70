"""Commands that steer: what became of them, and the change of a version. No cluster."""

import json
import os
import subprocess
import sys

import pytest

from tests.support import model_deployment
from tests.unit.cli.seen import Object, seen
from tests.unit.scenes import R2, rolling, serving
from tests.unit.world import World
from transit_cli.exits import Exit
from transit_cli.main import run
from transit_cli.rollout.steering.command import ANNOTATION, handled
from transit_cli.rollout.steering.wanted import NotAVersion, change, owner, parsed


def asked(world: World, action: str) -> Object:
    found = seen(world)
    found["metadata"]["annotations"] = {ANNOTATION: action}
    return found


def given(world: World, action: str) -> tuple[Object, Object]:
    """Return the object before a command and after the operator's next look."""
    before = asked(world, action)
    world.action = action
    world.reconcile()
    return before, asked(world, action)


@pytest.mark.parametrize(
    ("verb", "code", "text", "reasons"),
    [
        ("promote", Exit.DONE, "Progressing: step 1 of 3", []),
        ("abort", Exit.DONE, "RollingBack: ", ["Rejected"]),
        ("pause", Exit.DONE, "Paused: ", ["Paused"]),
        ("resume", Exit.REFUSED, "nothing to resume: it isn't paused", ["CommandIgnored"]),
        ("retry", Exit.REFUSED, "nothing to retry", ["CommandIgnored"]),
        ("resolve", Exit.DONE, "Progressing: step 1 of 3", ["Resolving"]),
    ],
)
def test_what_became_of_a_command(verb: str, code: Exit, text: str, reasons: list[str]) -> None:
    world = rolling(10)

    action = f"{verb}/1"
    before, after = given(world, action)
    found = handled(before, after, action)
    assert found is not None
    assert found.code is code
    assert found.text.startswith(text)
    assert [event.reason for event in found.events] == reasons


def test_a_command_that_no_operator_has_seen_is_not_handled() -> None:
    before = asked(rolling(10), "abort/1")
    assert handled(before, before, "abort/1") is None


def test_a_command_that_another_one_replaced_is_said() -> None:
    world = rolling(10)
    found = handled(seen(world), asked(world, "abort/2"), "promote/1")
    assert found is not None
    assert found.code is Exit.REFUSED
    assert "abort/2" in found.text


def several() -> Object:
    models = [{"name": n, "version": "1.0.0"} for n in ("forest", "xgboost")]
    return seen(serving(models=models))


def test_a_change_of_version_tests_what_it_replaces() -> None:
    mdep = several()
    (only,) = change(mdep, parsed(["xgboost=1.2.0", "forest=1.0.0"], mdep))
    assert (only.model, only.before, only.after) == ("xgboost", "1.0.0", "1.2.0")
    assert [(o["op"], o["path"], o["value"]) for o in only.patch] == [
        ("test", "/spec/models/1/name", "xgboost"),
        ("test", "/spec/models/1/version", "1.0.0"),
        ("replace", "/spec/models/1/version", "1.2.0"),
    ]


def test_of_a_single_model_the_version_alone_is_enough() -> None:
    assert parsed(["1.2.0"], seen(serving())) == {"forest": "1.2.0"}


@pytest.mark.parametrize("text", ["1.2.0", "other=1.2.0", "forest=", "=1.0.0"])
def test_what_is_no_version_of_a_model_names_the_models(text: str) -> None:
    with pytest.raises(NotAVersion, match="forest, xgboost"):
        parsed([text], several())


@pytest.mark.parametrize(
    ("marks", "tool"),
    [
        ({}, ""),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "a"}}, "Argo CD"),
    ],
)
def test_whose_spec_it_is(marks: Object, tool: str) -> None:
    assert owner({"metadata": marks}) == tool


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status"], "Missing argument 'NAME'"),
        (["frobnicate"], "No such command"),
        (["status", "m", "--timeout", "soon"], "no duration"),
        (["promote", "m", "--timeout", "soon"], "no duration"),
    ],
)
def test_a_wrong_command_line_is_64(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], no_cluster: None
) -> None:
    assert run(arguments) == Exit.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["lint", "-", "-o", "json"]])
def test_output_that_nobody_reads_is_no_verdict(arguments: list[str]) -> None:
    """Given a reader that has gone, as `head` goes, whichever way it is written to."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "transit_cli", *arguments],
        input=model_deployment("kepler", "default"),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (Exit.UNREAD, "")


@pytest.mark.parametrize("arguments", [["--help"], ["lint", "-", "-o", "json"]])
def test_a_console_of_few_letters_is_enough(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "transit_cli", *arguments],
        input=model_deployment("k→", "default"),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert "fault" not in done.stderr
    if "json" in arguments:
        assert {one["name"] for one in json.loads(done.stdout)} == {"k→"}
    else:
        assert "kubectl transit \\u2026" in done.stdout


def test_without_a_cluster_it_says_what_to_try(
    capsys: pytest.CaptureFixture[str], no_cluster: None
) -> None:
    assert run(["get"]) == Exit.FAILED
    error = capsys.readouterr().err
    assert error.startswith("error: no cluster")
    assert "kubectl config get-contexts" in error


@pytest.mark.parametrize("command", [[], ["get"], ["status"], ["promote"], ["set", "version"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == Exit.DONE
    text = capsys.readouterr().out
    assert "Usage" in text
    assert R2 not in text


def test_completion_as_kubectl_wants_it() -> None:
    """A process of its own: completion ends it. The last line is cobra's directive."""

    def completed(*words: str) -> list[str]:
        command = [sys.executable, "-c", "from transit_cli.completing import main; main()", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    assert completed("st") == ["status\tShow a rollout: revisions, pods, weights,...", ":4"]
    assert [line.partition("\t")[0] for line in completed("set", "")] == ["version", ":4"]
