"""`transit-models check`: each line of the checklist, ticked or not, and what pipelines read."""

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import joblib
import numpy as np
import pytest

from transit_models.cli import main
from transit_models.commands.check import Limits, judged

pytestmark = pytest.mark.timeout(120)
ROWS = np.random.default_rng(0).normal(size=(80, 3))
SERVES: dict[str, Any] = {
    "serves": True,
    "task": "classification",
    "performance": {"accuracy": 0.9},
    "engine": "onnxruntime",
    "load_seconds": 1.5,
    "dependencies": [],
    "golden": 8,
    "answer": [0.25, 0.75],
    "benchmark": {"p50_ms": 1.0, "p95_ms": 3.0, "p99_ms": 4.0, "mean_ms": 1.2, "rps": 833.0},
    "memory_mib": {"serving": 200, "compiling": 300},
    "begun": [],
}
LIMITS = Limits(p95_ms=200, memory_mib=2048)


def states(said: dict[str, Any], limits: Limits = LIMITS) -> dict[str, str]:
    return {line.name: line.state for line in judged(said, limits) if line.state != "passed"}


def test_a_version_of_which_all_is_right() -> None:
    assert states(SERVES) == {}
    assert len(list(judged(SERVES, LIMITS))) == 9


OTHER = {"dependencies": ["its metadata has scikit-learn 1.2.2, and it is run by 1.9.1"]}
JUDGED: dict[str, tuple[dict[str, Any], Limits, dict[str, str]]] = {
    "slow": ({}, Limits(2.9, 2048), {"latency": "failed"}),
    "large, compiling included": ({}, Limits(200, 499), {"memory": "failed"}),
    "just right": ({}, Limits(3.0, 500), {}),
    "no golden rows": ({"golden": 0}, LIMITS, {"golden requests": "warning"}),
    "no figures": ({"performance": {}}, LIMITS, {"metadata": "warning"}),
    "other versions": (OTHER, LIMITS, {"dependencies": "warning"}),
    "refused": (OTHER, Limits(200, 2048, "Refuse"), {"dependencies": "failed"}),
}


@pytest.mark.parametrize(("said", "limits", "expected"), JUDGED.values(), ids=JUDGED)
def test_limits(said: dict[str, Any], limits: Limits, expected: dict[str, str]) -> None:
    assert states(SERVES | said, limits) == expected


@pytest.mark.parametrize(
    ("begun", "failed", "before"),
    [
        (["store"], "integrity", 0),
        (["store", "integrity"], "integrity", 0),
        (["store", "integrity", "metadata"], "metadata", 1),
        (["store", "integrity", "formats"], "formats", 2),
        (["store", "integrity", "formats", "loading"], "loading", 3),
        (["store", "integrity", "formats", "loading", "golden"], "golden requests", 5),
        (["store", "integrity", "formats", "loading", "golden", "inference"], "inference", 6),
    ],
)
def test_where_it_ended_is_what_failed(begun: list[str], failed: str, before: int) -> None:
    lines = list(judged({"serves": False, "refused": "why", "begun": begun}, LIMITS))
    assert [line.state for line in lines] == ["passed"] * before + ["failed"] + ["skipped"] * (
        8 - before
    )
    assert (lines[before].name, lines[before].said) == (failed, "why")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, np.array(["no", "yes"])[(ROWS[:, 0] > 0).astype(int)])
    tmp_path = tmp_path_factory.mktemp("checked")
    joblib.dump(model, tmp_path / "model.pkl")
    np.save(tmp_path / "probe.npy", ROWS[:16])
    arguments = ["--probe", str(tmp_path / "probe.npy"), "--golden", "8", "--accuracy", "0.9"]
    store = str(tmp_path / "store")
    assert main(["pack", str(tmp_path / "model.pkl"), store, "m@1.0.0", *arguments]) == 0
    return store


def test_for_people_and_for_pipelines(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    check = ["check", store, "m@1.0.0"]
    assert main(check) == 0
    told = capsys.readouterr().out
    assert told.startswith("m@1.0.0: may be published\n")
    assert "8 rows, answered as its author's library did" in told
    assert main([*check, "--memory", "16MiB", "--output", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert {line["name"] for line in said["checks"] if line["state"] == "failed"} == {"memory"}
    assert said["trial"]["memory_mib"]["compiling"] > 16
    assert main([*check, "--formats", "onnx,skops", "--output", "junit"]) == 1
    suite = ElementTree.fromstring(capsys.readouterr().out.split("?>", 1)[1])
    assert (suite.get("failures"), suite.get("skipped"), suite.get("tests")) == ("1", "6", "9")
    failure = suite.find("testcase[@name='formats']/failure")
    assert failure is not None
    assert "model.pkl is a pickle" in failure.attrib["message"]


def test_a_changed_file_is_the_first_line(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(store, tmp_path / "store")
    with (tmp_path / "store/m/v1.0.0/model.pkl").open("ab") as file:
        file.write(b"x")
    assert main(["check", str(tmp_path / "store"), "m@1.0.0"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "m@1.0.0: must not be published"
    assert told[1].startswith("  FAIL  integrity        model.pkl: expected ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--p95", "soon"], "'soon' is not a time such as 200ms"),
        (["--memory", "2"], "'2' is not a size such as 512MiB"),
        (["--formats", "onxx"], "onxx: known are onnx, skops"),
    ],
)
def test_limits_that_mean_nothing(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "store", "m@1.0.0", *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
