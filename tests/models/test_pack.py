"""`pack` reads what the file knows, and refuses what can't be; `try` shows what would be served."""

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from transit_models import verify_version
from transit_models.cli import main

pytestmark = pytest.mark.timeout(120)
ROWS = np.random.default_rng(0).normal(size=(80, 3))
KINDS = np.array(["no", "yes"])[(ROWS[:, 0] > 0).astype(int)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    from sklearn.linear_model import LogisticRegression

    path = tmp_path / "model.sav"
    joblib.dump(LogisticRegression().fit(ROWS, KINDS), path)
    return path


def packed(path: Path, *more: str) -> Any:
    store = path.parent / "store"
    assert main(["pack", str(path), str(store), "m@1.0.0", *more]) == 0
    return verify_version(store / "m/v1.0.0")


def test_what_the_file_knows_is_not_asked_for(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = packed(model).metadata
    assert metadata.task == "classification"
    assert metadata.output_schema.labels == ("no", "yes")
    assert (metadata.input_schema.features, metadata.input_schema.dtype) == (3, "float64")
    assert "scikit-learn" in metadata.dependencies
    assert "--probe" in capsys.readouterr().err


def test_what_others_know_is_taken_from_files(model: Path) -> None:
    folder = model.parent
    (folder / "training.json").write_text('{"dataset_version": "7"}')
    (folder / "metrics.json").write_text('{"accuracy": 0.9}')
    version = packed(model, "--training", str(folder / "training.json"),
                     "--metrics", str(folder / "metrics.json"))  # fmt: skip
    assert version.metadata.training == {"dataset_version": "7"}
    assert version.metadata.performance == {"accuracy": 0.9}
    assert (version.directory / "performance_metrics.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--features", "4"], "takes 3 features, not 4"),
        (["--labels", "a,b,c"], "2 classes (no, yes), and there are 3 labels"),
        (["--dtype", "float31"], "dtype 'float31' is none of"),
        (["--task", "outlier"], "does not tell outliers"),
    ],
)
def test_a_mismatch_shows_at_the_desk(
    model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    store = str(model.parent / "store")
    assert main(["pack", str(model), store, "m@1.0.0", *arguments]) == 1
    assert words in capsys.readouterr().err


def test_several_steps_of_preprocessing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    folder = model.parent
    one, two = StandardScaler().fit(ROWS), MinMaxScaler().fit(ROWS)
    joblib.dump(one, folder / "one.pkl")
    joblib.dump(two, folder / "two.pkl")
    np.save(folder / "probe.npy", ROWS[:16])
    version = packed(model, "--features", "3", "--dtype", "float64", "--probe",
                     str(folder / "probe.npy"), "--preprocessing", str(folder / "one.pkl"),
                     "--preprocessing", str(folder / "two.pkl"))  # fmt: skip
    assert len(version.steps) == 2
    capsys.readouterr()
    assert main(["try", str(folder / "store"), "m@1.0.0", "--output", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    expected = joblib.load(model).predict_proba(two.transform(one.transform(ROWS[:1])))[0]
    assert said["answer"] == pytest.approx(expected.tolist(), abs=1e-5)
    assert set(said["benchmark"]) == {"samples", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "rps"}
    assert said["serves"] is True


def test_answers_are_made_in_one_line_and_held_against(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = model.parent
    np.save(folder / "probe.npy", ROWS[:16])
    files = [str(folder / "probe.npy"), str(folder / "answers.npy")]
    assert main(["answers", str(model), files[0], "--output", files[1]]) == 0
    packed(model, "--probe", files[0], "--answers", files[1])
    assert main(["try", str(folder / "store"), "m@1.0.0"]) == 0
    wrong = np.load(files[1])[::-1].copy()
    np.save(files[1], wrong)
    packed(model, "--probe", files[0], "--answers", files[1], "--replace")
    capsys.readouterr()
    assert main(["try", str(folder / "store"), "m@1.0.0"]) == 1
    assert "differ from answers.npy" in capsys.readouterr().out


def test_a_dict_is_told_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joblib.dump({"model": 1, "scaler": 2}, tmp_path / "both.pkl")
    store = str(tmp_path / "store")
    assert main(["pack", str(tmp_path / "both.pkl"), store, "m@1.0.0"]) == 1
    assert "--preprocessing for each step" in capsys.readouterr().err
