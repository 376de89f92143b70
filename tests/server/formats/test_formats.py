"""Each format by itself: answers equal to the library's, compiled or not, and what is refused."""

from collections.abc import Callable
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
from tests.server.example_store import LABELS, Data, publish, sample
from transit_models.integrity import verify_version
from transit_server import formats

TRAINING = sample(200)


def loaded(
    root: Path, ending: str, save: Callable[[Path], object], rows: Any = None, **more: Any
) -> formats.Loaded:
    """A version that was published so; `rows` are its probes."""
    directory = publish(root, "model", "1.0.0", ending, save, probe=rows, **more)
    return formats.load(verify_version(directory), root / "work")


def dumped(model: Any) -> Callable[[Path], object]:
    return lambda path: joblib.dump(model, path)


def test_a_forest_is_compiled(tmp_path: Path, trained: Truth, data: Data) -> None:
    engine = loaded(tmp_path, ".pkl", dumped(trained.forest_model), data.rows)
    assert engine.engine == "onnxruntime"
    assert engine.note.startswith("compiled, largest difference")
    assert engine.predict(data.rows) == pytest.approx(trained.random_forest(data.rows), abs=1e-5)


def test_trees_need_no_probes_of_their_own(tmp_path: Path, trained: Truth) -> None:
    engine = loaded(tmp_path, ".pkl", dumped(trained.forest_model))
    assert "on rows made from the model" in engine.note


def test_what_the_compiler_does_not_know_is_served_as_it_is(tmp_path: Path, data: Data) -> None:
    model = make_pipeline(FunctionTransformer(np.cbrt), LogisticRegression())
    model.fit(TRAINING.rows, TRAINING.classes)
    engine = loaded(tmp_path, ".joblib", dumped(model), data.rows)
    assert engine.engine == "scikit-learn"
    assert engine.note.startswith("not compiled")
    assert engine.predict(data.rows) == pytest.approx(model.predict_proba(data.rows))


def test_classes_come_in_the_order_of_the_labels(tmp_path: Path, data: Data) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(TRAINING.rows, [LABELS[item] for item in TRAINING.classes])
    assert list(model.classes_) != list(LABELS)
    engine = loaded(tmp_path, ".pkl", dumped(model), data.rows)
    assert engine.engine == "onnxruntime"
    got = engine.predict(data.rows).argmax(axis=1)
    assert [LABELS[item] for item in got] == model.predict(data.rows).tolist()


@pytest.mark.parametrize("zipmap", [False, True])
def test_onnx(tmp_path: Path, trained: Truth, data: Data, zipmap: bool) -> None:
    import skl2onnx

    model = skl2onnx.to_onnx(
        trained.forest_model, data.rows[:1], options={"zipmap": zipmap}, target_opset=17
    )
    engine = loaded(tmp_path, ".onnx", lambda path: path.write_bytes(model.SerializeToString()))
    expected = trained.random_forest(data.rows)
    assert engine.predict(data.rows) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("ending", [".json", ".ubj"])
def test_xgboost(tmp_path: Path, trained: Truth, data: Data, ending: str) -> None:
    engine = loaded(tmp_path, ending, trained.boosted_model.save_model)
    assert engine.engine == "onnxruntime"
    assert engine.predict(data.rows) == pytest.approx(trained.xgboost(data.rows), abs=1e-5)


def test_xgboost_with_two_classes(tmp_path: Path, data: Data) -> None:
    import xgboost

    two = TRAINING.classes.clip(0, 1)
    matrix = xgboost.DMatrix(TRAINING.rows, label=two)
    model = xgboost.train({"objective": "binary:logistic"}, matrix, 5)
    engine = loaded(tmp_path, ".json", model.save_model, labels=("NO", "YES"))
    got = engine.predict(data.rows)
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
    tmp_path: Path, name: str, model: Any, labels: tuple[str, ...], words: str
) -> None:
    model.fit(TRAINING.rows, TRAINING.classes)
    with pytest.raises(formats.UnsupportedModel, match=words):
        loaded(tmp_path, ".pkl", dumped(model), labels=labels)
