"""`pack` reads what the file knows, and refuses what can't be; `try` shows what would be served."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from tests.looking import ASK, looked_into_here
from transit_models import verify_version
from transit_models.cli import main
from transit_models.packing import answers, desk

pytestmark = pytest.mark.timeout(120)
ROWS = np.random.default_rng(0).normal(size=(80, 3))
KINDS = np.array(["no", "yes"])[(ROWS[:, 0] > 0).astype(int)]


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    with looked_into_here():
        yield


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
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked into by a process of its own, as it is outside of tests."""
    monkeypatch.setattr(desk, "ask", ASK)
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
        (["--labels", "a,b,c"], "2 classes (no, yes), and gets 3 labels"),
        (["--dtype", "float31"], "dtype 'float31' is not one of"),
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
    steps = ["--preprocessing", str(folder / "one.pkl"), "--preprocessing", str(folder / "two.pkl")]
    version = packed(model, "--probe", str(folder / "probe.npy"), *steps)
    assert len(version.steps) == 2
    taken = version.metadata.input_schema
    assert (taken.features, taken.dtype) == (3, "float64"), "as the first step says"
    capsys.readouterr()
    assert main(["try", str(folder / "store"), "m@1.0.0", "--output", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    expected = joblib.load(model).predict_proba(two.transform(one.transform(ROWS[:1])))[0]
    assert said["answer"] == pytest.approx(expected.tolist(), abs=1e-5)
    assert set(said["benchmark"]) == {"samples", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "rps"}
    assert said["serves"] is True


def served(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["try", str(folder / "store"), "m@1.0.0", "--output", "json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_what_requests_hold_is_what_preprocessing_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its columns by name, of which the model sees fewer or others."""
    import pandas
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = pandas.DataFrame(ROWS, columns=["age", "income", "debt"])
    step = make_pipeline(StandardScaler(), PCA(2)).fit(frame)
    joblib.dump(step, tmp_path / "step.pkl")
    joblib.dump(LogisticRegression().fit(step.transform(frame), KINDS), tmp_path / "model.pkl")
    metadata = packed(
        tmp_path / "model.pkl", "--preprocessing", str(tmp_path / "step.pkl")
    ).metadata
    assert metadata.signature.inputs.names == ("age", "income", "debt")
    assert served(tmp_path, capsys)["serves"]


def test_numbers_that_an_encoder_knows_are_asked_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes no others, so made-up ones would all be refused."""
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pandas.DataFrame({"research": (ROWS[:, 0] > 0) * 5, "score": ROWS[:, 1]})
    encoded = make_column_transformer((OneHotEncoder(), ["research"]), remainder="passthrough")
    model = make_pipeline(encoded, LogisticRegression()).fit(frame, KINDS)
    joblib.dump(model, tmp_path / "model.pkl")
    packed(tmp_path / "model.pkl")
    assert served(tmp_path, capsys)["serves"]


def test_several_numbers_are_no_regression(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    joblib.dump(LinearRegression().fit(ROWS, ROWS[:, :2]), tmp_path / "model.pkl")
    assert packed(tmp_path / "model.pkl").metadata.task == "tensors"


def test_labels_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the objective gives a class alone, which would take any number of them."""
    import xgboost

    matrix = xgboost.DMatrix(ROWS.astype(np.float32), np.arange(80) % 3)
    trained = xgboost.train({"objective": "multi:softmax", "num_class": 3}, matrix, 2)
    trained.save_model(tmp_path / "model.ubj")
    store = str(tmp_path / "store")
    arguments = ["pack", str(tmp_path / "model.ubj"), store, "m@1.0.0", "--labels", "a,b"]
    assert main(arguments) == 1
    assert "it has 3 classes, and gets 2 labels" in capsys.readouterr().err


def test_words_are_counted_by_preprocessing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB

    texts = ["free money now", "see you at lunch", "win money", "lunch at noon"]
    vectorizer = TfidfVectorizer().fit(texts)
    joblib.dump(vectorizer, tmp_path / "vectorizer.pkl")
    spam = MultinomialNB().fit(vectorizer.transform(texts), ["spam", "no", "spam", "no"])
    joblib.dump(spam, tmp_path / "model.pkl")
    packed(tmp_path / "model.pkl", "--preprocessing", str(tmp_path / "vectorizer.pkl"))
    said = served(tmp_path, capsys)
    assert [part["datatype"] for part in said["inputs"]] == ["BYTES"]
    assert said["outputs"]["labels"] == ["no", "spam"]


def test_why_a_file_was_not_looked_into_is_said_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"cno_such_package\nModel\n.")
    assert main(["pack", str(path), str(tmp_path / "store"), "m@1.0.0"]) == 1
    said = capsys.readouterr().err
    assert "No module named 'no_such_package'" in said
    assert "image of your own" in said
    assert "--features" in said


@pytest.mark.parametrize(
    ("last", "words"),
    [("softmax", "probabilities of 3 classes, and does not name them: give --labels"),
     ("linear", None)],
)  # fmt: skip
def test_probabilities_without_names_are_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], last: str, words: str | None
) -> None:
    """Three numbers that are none are several outputs."""
    from tensorflow import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((4,)), keras.layers.Dense(3, activation=last)]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    arguments = ["pack", str(tmp_path / "model.keras"), str(tmp_path / "store"), "m@1.0.0"]
    if words is None:
        assert packed(tmp_path / "model.keras").metadata.task == "tensors"
    else:
        assert main(arguments) == 1
        assert words in capsys.readouterr().err
        assert main([*arguments, "--labels", "a,b,c"]) == 0


def old_xgboost(path: Path) -> None:
    old = Path(__file__).parent / "old_xgboost" / "1.7.6-logistic.deprecated"
    path.write_bytes(old.read_bytes())


def new_xgboost(path: Path) -> None:
    import xgboost

    matrix = xgboost.DMatrix(ROWS.astype(np.float32), (KINDS == "yes").astype(int))
    trained = xgboost.train({"objective": "binary:logistic"}, matrix, 2)
    path.write_bytes(trained.save_raw("ubj"))


def lightgbm_text(path: Path) -> None:
    import lightgbm

    data = lightgbm.Dataset(ROWS, (KINDS == "yes").astype(int))
    trained = lightgbm.train({"objective": "binary", "verbose": -1}, data, 2)
    path.write_text(trained.model_to_string())


@pytest.mark.parametrize(
    ("write", "framework", "ending"),
    [
        (old_xgboost, "xgboost", ".json"),
        (new_xgboost, "xgboost", ".ubj"),
        (lightgbm_text, "lightgbm", ".txt"),
    ],
)
@pytest.mark.parametrize("name", ["model.bst", "final.model", "trained.dat"])
def test_an_ending_that_says_nothing_goes_by_the_first_bytes(
    tmp_path: Path, write: Any, framework: str, ending: str, name: str
) -> None:
    write(tmp_path / name)
    version = packed(tmp_path / name, "--labels", "no,yes")
    assert version.metadata.framework == framework
    assert version.model_file.suffix == ending


def test_a_file_of_nobody_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trained.dat").write_bytes(b"????")
    store = str(tmp_path / "store")
    assert main(["pack", str(tmp_path / "trained.dat"), store, "m@1.0.0"]) == 1
    assert "its first bytes are of none" in capsys.readouterr().err


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


def test_a_copy_of_answers_py_runs_where_nothing_of_this_is_installed(model: Path) -> None:
    np.save(model.parent / "probe.npy", ROWS[:1])
    copy = model.parent / "answers.py"
    shutil.copy(answers.__file__, copy)
    alone = (
        "import runpy, sys; sys.modules['transit_models'] = None;"
        " runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    )
    files = (model, model.parent / "probe.npy", "--output", model.parent / "answers.npy")
    subprocess.run([sys.executable, "-c", alone, copy, *files], check=True, timeout=60)
    assert len(np.load(model.parent / "answers.npy")) == 1


def test_golden_answers_are_made_while_it_is_packed(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = model.parent
    np.save(folder / "probe.npy", ROWS[:16])
    version = packed(model, "--probe", str(folder / "probe.npy"), "--golden", "8")
    assert version.answers is not None
    said, own = np.load(version.answers), joblib.load(model)
    assert list(said.dtype.names) == list(own.classes_)
    assert said["yes"] == pytest.approx(own.predict_proba(ROWS[:8])[:, 1])
    assert main(["try", str(folder / "store"), "m@1.0.0"]) == 0
    assert "says to 8 golden rows what the author's library said" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--golden", "8"], "needs --probe"),
        (["--golden", "8", "--probe", "probe.npy", "--answers", "probe.npy"], "needs --probe"),
        (["--golden", "8", "--probe", "wide.npy"], "gives no answers here: ValueError: X has 4"),
    ],
)
def test_golden_answers_that_can_not_be_made(
    model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    np.save(model.parent / "probe.npy", ROWS[:16])
    np.save(model.parent / "wide.npy", np.ones((16, 4)))
    given = [str(model.parent / one) if one.endswith(".npy") else one for one in arguments]
    store = str(model.parent / "store")
    assert main(["pack", str(model), store, "m@1.0.0", *given]) == 1
    assert words in capsys.readouterr().err


def test_a_dict_is_told_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joblib.dump({"model": 1, "scaler": 2}, tmp_path / "both.pkl")
    store = str(tmp_path / "store")
    assert main(["pack", str(tmp_path / "both.pkl"), store, "m@1.0.0"]) == 1
    assert "--preprocessing for each step" in capsys.readouterr().err
