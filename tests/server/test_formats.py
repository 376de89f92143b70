"""Each format by itself: answers equal to the library's, compiled or not, and what is refused."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from tests.server.conftest import Truth
from tests.server.example_store import LABELS, Data, sample
from transit_server import formats

TRAINING = sample(200)


def shape(data: Data, labels: tuple[str, ...] = LABELS) -> formats.ModelShape:
    return formats.ModelShape(labels, data.rows)


def dumped(model: Any, path: Path) -> Path:
    joblib.dump(model, path)
    return path


def test_a_forest_is_compiled(tmp_path: Path, trained: Truth, data: Data) -> None:
    path = dumped(trained.forest_model, tmp_path / "model.pkl")
    engine = formats.load(path, shape(data), tmp_path)
    assert engine.name == "onnxruntime"
    assert engine.note.startswith("compiled, largest difference")
    assert engine.score(data.rows) == pytest.approx(trained.random_forest(data.rows), abs=1e-5)


def test_what_the_compiler_does_not_know_is_served_as_it_is(tmp_path: Path, data: Data) -> None:
    model = make_pipeline(FunctionTransformer(np.cbrt), LogisticRegression())
    model.fit(TRAINING.rows, TRAINING.classes)
    engine = formats.load(dumped(model, tmp_path / "model.joblib"), shape(data), tmp_path)
    assert engine.name == "scikit-learn"
    assert engine.note.startswith("not compiled")
    assert engine.score(data.rows) == pytest.approx(model.predict_proba(data.rows))


def test_classes_come_in_the_order_of_the_labels(tmp_path: Path, data: Data) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(TRAINING.rows, [LABELS[item] for item in TRAINING.classes])
    assert list(model.classes_) != list(LABELS)
    engine = formats.load(dumped(model, tmp_path / "model.pkl"), shape(data), tmp_path)
    got = engine.score(data.rows).argmax(axis=1)
    assert [LABELS[item] for item in got] == model.predict(data.rows).tolist()


def test_onnx(tmp_path: Path, trained: Truth, data: Data) -> None:
    import skl2onnx

    for zipmap in (False, True):
        model = skl2onnx.to_onnx(
            trained.forest_model, data.rows[:1], options={"zipmap": zipmap}, target_opset=17
        )
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        engine = formats.load(path, shape(data), tmp_path)
        expected = trained.random_forest(data.rows)
        assert engine.score(data.rows) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("ending", [".json", ".ubj"])
def test_xgboost(tmp_path: Path, trained: Truth, data: Data, ending: str) -> None:
    path = tmp_path / f"model{ending}"
    trained.boosted_model.save_model(path)
    engine = formats.load(path, shape(data), tmp_path)
    assert engine.score(data.rows) == pytest.approx(trained.xgboost(data.rows), abs=1e-5)


def test_xgboost_with_two_classes(tmp_path: Path, data: Data) -> None:
    import xgboost

    two = TRAINING.classes.clip(0, 1)
    matrix = xgboost.DMatrix(TRAINING.rows, label=two)
    model = xgboost.train({"objective": "binary:logistic"}, matrix, 5)
    path = tmp_path / "model.json"
    model.save_model(path)
    got = formats.load(path, shape(data, ("NO", "YES")), tmp_path).score(data.rows)
    expected = model.predict(xgboost.DMatrix(data.rows))
    assert got[:, 1] == pytest.approx(expected, abs=1e-6)
    assert got.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "model", "labels", "words"),
    [
        ("no probabilities", LinearSVC(max_iter=20_000), LABELS, "no predict_proba"),
        ("other classes", LogisticRegression(), ("A", "B"), "knows 3 classes, its metadata 2"),
    ],
)
def test_refused(
    tmp_path: Path, data: Data, name: str, model: Any, labels: tuple[str, ...], words: str
) -> None:
    model.fit(TRAINING.rows, TRAINING.classes)
    with pytest.raises(formats.UnsupportedModel, match=words):
        formats.load(dumped(model, tmp_path / "model.pkl"), shape(data, labels), tmp_path)


def test_an_unknown_ending(tmp_path: Path, data: Data) -> None:
    with pytest.raises(formats.UnsupportedModel, match=r"model\.txt"):
        formats.load(tmp_path / "model.txt", shape(data), tmp_path)
