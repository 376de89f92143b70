"""The tables of deploy/argocd by Argo CD itself, and kstatus' own word on the same resources.

Neighbour: `tests/unit/words/test_argocd.py` runs them by a Lua beside it.
"""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.programs import gobuild
from dev.gitops import customization
from tests.unit.argocd import render

pytestmark = pytest.mark.usefixtures("programs")

FOLDER = customization.FOLDER
HEALTH: list[dict[str, Any]] = yaml.safe_load((FOLDER / "health_test.yaml").read_text())["tests"]
ACTIONS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (FOLDER / "actions" / "action_test.yaml").read_text()
)
KSTATUS = {"progressing": "InProgress", "suspended": "InProgress", "healthy": "Current"}


def argocd(verb: str, file: Path, *more: str) -> list[str]:
    """Return what Argo CD says of a resource, with the ConfigMap as a user gets it."""
    command = ("admin", "settings", "resource-overrides", verb, str(file), *more)
    return run("argocd", *command, "--argocd-cm-path", str(customization.CONFIGMAP))


def run(name: str, *arguments: str) -> list[str]:
    """Return the lines that a program says."""
    program = str(gobuild.PROGRAMS[name].path)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("case", HEALTH, ids=lambda case: case["inputPath"])
def test_health(case: dict[str, Any]) -> None:
    expected = case["healthStatus"]
    found = argocd("health", FOLDER / case["inputPath"])
    assert found == [f"STATUS: {expected['status']}", f"MESSAGE: {expected['message']}"]


@pytest.mark.parametrize("case", ACTIONS["discoveryTests"], ids=lambda case: case["inputPath"])
def test_discovery(case: dict[str, Any]) -> None:
    found = argocd("list-actions", FOLDER / "actions" / case["inputPath"])
    rows = [line.split() for line in found[1:]]
    assert sorted(rows) == sorted(
        [one["name"], str(one["disabled"]).lower()] for one in case["result"]
    )


@pytest.mark.parametrize("case", ACTIONS["actionTests"], ids=lambda case: case["action"])
def test_action(case: dict[str, Any]) -> None:
    verb = case["action"]
    found = argocd("run-action", FOLDER / "actions" / case["inputPath"], verb)
    changed = [line for line in found if line[:1] in "<>" and line.strip("<> ")]
    assert [line.strip("<> ").partition("/2")[0] for line in changed] == [
        "annotations:",
        f"{render.ACTION}: {verb}",
    ]


def test_kstatus() -> None:
    """Current, in progress or failed, as its health says: what is Degraded has failed."""
    files = sorted(render.TESTDATA.glob("*.yaml"))
    found = run("kstatus", *map(str, files))
    said = {Path(line.split(": ")[0]).stem: line.split(": ")[1] for line in found}
    expected = {file.stem: KSTATUS.get(file.stem.partition("_")[0], "Failed") for file in files}
    assert said == expected
