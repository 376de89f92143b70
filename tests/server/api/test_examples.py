"""Every curl of docs/reference/server.md, as it stands there."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from tests.server.example_store import publish
from tests.server.running import RunningServer

_PAGE = (Path(__file__).parents[3] / "docs/reference/server.md").read_text()
COMMANDS = re.findall(r"^curl \$SERVER.*$", _PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, feedback_key_file: str
) -> Iterator[RunningServer]:
    """The names and the four features of that page."""
    from sklearn.ensemble import RandomForestClassifier

    root = tmp_path_factory.mktemp("examples")
    random = np.random.default_rng(0)
    rows, classes = random.random((90, 4)).astype(np.float32), np.arange(90) % 3
    forest = RandomForestClassifier(5, random_state=0).fit(rows, classes)

    def dump(path: Path, model: Any = forest) -> None:
        joblib.dump(model, path)

    for name in ("random_forest", "xgboost"):
        publish(root / "store", name, "1.0.0", ".joblib", dump, features=4)
    models = dict.fromkeys(("random_forest", "xgboost"), "1.0.0")
    with RunningServer(root / "store", root, models, feedback_key_file=feedback_key_file) as s:
        yield s.until_ready()


def test_there_are_some() -> None:
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_it_works(server: RunningServer, command: str) -> None:
    token = server.predict([0.1, 0.2, 0.3, 0.4]).json()["prediction"]["feedback_token"]
    done = subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl -sS --fail-with-body ", 1)],
        env={"PATH": os.environ["PATH"], "SERVER": server.url, "TOKEN": token},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)
