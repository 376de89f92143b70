"""The command line before somebody who errs: what is wrong, and a command that can be pasted.

The same API server of recorded objects as the page's. What the verbs do on a real cluster:
tests/cli.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.page import plays
from tests.page.conftest import written
from tests.page.stage import Stage
from transit_cli.exits import Exit
from transit_cli.main import run

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def transit(
    own_stage: Stage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """Run a command with a context, in front of a stage: its exit code, stdout and stderr."""
    monkeypatch.setenv("KUBECONFIG", str(written(own_stage.url, tmp_path)))

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments, "--context", "stage"])
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_a_name_that_is_not_there(own_stage: Stage, transit: Cli) -> None:
    own_stage.put("kepler", plays.since(60))
    own_stage.put("galileo", plays.since(60))
    own_stage.put("hubble", plays.since(60), "astronomy")
    none = "there is no ModelDeployment"
    cases = {
        ("keplr", "ml"): (
            f"{none} keplr in the namespace ml; did you mean kepler?",
            "kepler -n ml",
        ),
        ("hubble", "ml"): (
            f"{none} hubble in the namespace ml; there is one in astronomy",
            "hubble -n astronomy",
        ),
        ("x", "ml"): (f"{none} x in the namespace ml; there are: galileo, kepler", "-n ml"),
        ("x", "empty"): (f"{none} x in the namespace empty\n", "-A"),
    }
    for (name, namespace), (said, shown) in cases.items():
        for command in (["status"], ["why"], ["abort"], ["replay"]):
            code, _, err = transit(*command, name, "-n", namespace)
            assert code == Exit.FAILED
            assert said in err
            assert err.endswith(f"try:   transit get {shown} --context stage\n")


def test_of_many_names_a_few_are_told(own_stage: Stage, transit: Cli) -> None:
    for number in range(13):
        own_stage.put(f"m{number:02}", plays.since(60))
    assert "m08, m09 and 3 more" in transit("status", "x", "-n", "ml")[2]


def test_who_may_not_look_around_is_told_what_is_known(own_stage: Stage, transit: Cli) -> None:
    own_stage.put("kepler", plays.since(60))
    own_stage.refusing["/modeldeployments"] = 403
    code, _, err = transit("get", "-n", "ml")
    assert code == Exit.FAILED
    assert "you may not do that" in err
    assert "kubectl auth can-i --list -n ml --context stage" in err


def test_a_cluster_without_transit(own_stage: Stage, transit: Cli) -> None:
    own_stage.refusing["transit.dev"] = 404
    for command in (["get"], ["status", "m"], ["dashboard", "--no-browser"]):
        code, _, err = transit(*command)
        assert code == Exit.FAILED
        assert "Transit is not installed there" in err
        assert "helm install transit charts/transit --kube-context stage" in err


def test_what_is_suggested_names_namespace_and_context(own_stage: Stage, transit: Cli) -> None:
    own_stage.put("kepler", plays.turned_back())
    whole = "kepler -n ml"
    for command, tried in (
        (["why", "kepler", "--revision", "zzz"], f"transit status {whole}"),
        (["why", "kepler"], f"transit retry {whole}"),
        (["set", "version", "kepler", "other=1.0.0"], f"transit get {whole} -o yaml"),
        (["promote", "kepler"], f"transit status {whole}"),
        (["status", "kepler", "--watch"], f"transit why {whole}"),
        (["replay", "kepler"], f"transit replay {whole} --prometheus URL"),
    ):
        _, out, err = transit(*command, "-n", "ml")
        assert f"{tried} --context stage\n" in out + err, command
    _, out, _ = transit("why", "kepler", "-n", "ml", "-o", "json")
    assert json.loads(out)["tryNext"][0] == f"transit retry {whole} --context stage"


@pytest.mark.parametrize(
    "arguments",
    [
        ["why", "kepler", "-n", "ml", "--html", "FILE"],
        ["replay", "kepler", "-n", "ml", "--prometheus", "URL", "--save", "FILE"],
        ["replay", "--data", "FILE"],
        ["replay", "kepler", "-n", "ml", "--policy", "FILE"],
        ["lint", "FILE"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_a_file_that_cant_be_had_is_named(
    own_stage: Stage, transit: Cli, arguments: list[str], tmp_path: Path
) -> None:
    own_stage.put("kepler", plays.turned_back())
    given = {"FILE": str(tmp_path / "nowhere" / "file"), "URL": own_stage.url}
    code, _, err = transit(*(given.get(one, one) for one in arguments))
    assert code == Exit.FAILED
    assert f"error: {given['FILE']} can't be" in err
    assert "No such file or directory" in err
    assert "Errno" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["get", "kepler", "-A"], "NAME is of one namespace"),
        (["dashboard", "--port", "99999"], "'--port'"),
        (["lint", "-", "--scrape-interval", "soon"], "--scrape-interval: 'soon' is no duration"),
        (["replay", "kepler", "--from", "yesterday"], "'yesterday' is not a time"),
    ],
)
def test_a_wrong_option_is_64(transit: Cli, arguments: list[str], said: str) -> None:
    code, _, err = transit(*arguments)
    assert code == Exit.USAGE
    assert said in err
