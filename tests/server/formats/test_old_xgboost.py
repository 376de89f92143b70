"""Old binary files of XGBoost, packed and served: each answers what the version that wrote it did.

How the files were made: `tests/models/old_xgboost/make.py`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.looking import looked_into_here
from tests.server.running import RunningServer
from transit_models.cli import main

pytestmark = pytest.mark.timeout(300)
OLD = Path(__file__).parents[2] / "models" / "old_xgboost"
LABELS = {"softprob": "low,middle,high", "number": "", "counts": ""}
FILES = [path for path in sorted(OLD.iterdir()) if path.suffix in (".model", ".deprecated")]


def parts(path: Path) -> tuple[str, str]:
    version, _, kind = path.stem.partition("-")
    return version, kind


def name_of(path: Path) -> str:
    return path.stem.replace(".", "_")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    store = tmp_path_factory.mktemp("store")
    models: dict[str, str] = {}
    for path in FILES:
        labels = LABELS.get(parts(path)[1], "no,yes")
        more = ["--labels", labels] if labels else []
        if parts(path)[1] != "linear":  # which has no way for what is missing
            more.append("--missing")
        with looked_into_here():
            assert main(["pack", str(path), str(store), f"{name_of(path)}@1.0.0", *more]) == 0
        models[name_of(path)] = "1.0.0"
    with RunningServer(store, tmp_path_factory.mktemp("work"), models) as running:
        yield running.until_ready()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_answers_are_those_of_the_version_that_wrote_it(server: RunningServer, path: Path) -> None:
    version, kind = parts(path)
    told = json.loads((OLD / f"answers-{version}.json").read_text())
    rows = [row for row in told["rows"] if kind != "linear" or None not in row]
    wanted = np.array(
        [
            answer
            for row, answer in zip(told["rows"], told["answers"][kind], strict=True)
            if row in rows
        ]
    )
    said: list[Any] = []
    for row in rows:
        asked = server.predict(row, model=name_of(path))
        assert asked.status_code == 200, asked.text
        answer = asked.json()["prediction"]
        if kind in ("number", "counts"):
            said.append(answer["value"])
        elif kind == "softprob":
            said.append([answer["probabilities"][label] for label in LABELS[kind].split(",")])
        else:
            said.append(answer["probabilities"]["yes"])
    assert np.allclose(said, wanted, atol=2e-6, rtol=2e-6)
