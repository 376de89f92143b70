"""A version that brings an ONNX twin is served by it, if the twin says what the original said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.server.example_store import FEATURES, LABELS, Data, sample, to_onnx
from transit_models.integrity import version_in
from transit_models.schema import Input
from transit_server import formats
from transit_server.formats import Source
from transit_server.formats.compile import twin

TRAINING = sample(200)


@pytest.fixture(scope="module")
def model() -> Any:
    return LogisticRegression().fit(TRAINING.rows, TRAINING.classes)


@pytest.fixture
def version(model: Any, data: Data, tmp_path: Path) -> Path:
    """The path of a Keras model whose file is no such thing: nobody may open it. Its twin and the
    scores are those of `model`.
    """
    metadata = {
        "model_name": "cnn",
        "version": "1.0.0",
        "framework": "tensorflow",
        "input_schema": {"features": FEATURES, "dtype": "float32"},
        "output_schema": {"classes": len(LABELS), "labels": LABELS},
        "checksum": {"value": "0" * 64},
    }
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    (tmp_path / "model.onnx").write_bytes(to_onnx(model))
    np.savez(tmp_path / "twin.npz", rows=data.rows, scores=model.predict_proba(data.rows))
    path = tmp_path / "model.keras"
    path.write_bytes(b"not to be opened")
    return path


def source(version: Path, rows: Any) -> Source:
    row = Input("features", "float32", (FEATURES,))
    return Source(version, version_in(version.parent), row, rows)


def test_a_twin_serves_and_the_original_is_left_alone(
    version: Path, model: Any, data: Data
) -> None:
    engine = formats.load(version_in(version.parent), version.parent)
    assert engine.engine == "onnxruntime"
    assert engine.note.startswith("twin of model.keras, largest difference")
    assert engine.predict(data.rows) == pytest.approx(model.predict_proba(data.rows), abs=1e-5)


def test_a_model_without_a_twin_has_none(version: Path, data: Data) -> None:
    assert not twin.has_twin(source(version.with_name("model.onnx"), data.rows))
    (version.parent / "model.onnx").unlink()
    assert not twin.has_twin(source(version, data.rows))


def other_scores(directory: Path, data: Data) -> None:
    np.savez(directory / "twin.npz", rows=data.rows, scores=np.full((len(data.rows), 3), 1 / 3))


def no_scores(directory: Path, _: Data) -> None:
    (directory / "twin.npz").unlink()


def scores_of_another_shape(directory: Path, data: Data) -> None:
    np.savez(directory / "twin.npz", rows=data.rows[:, :10], scores=np.ones((len(data.rows), 3)))


def scores_that_are_a_pickle(directory: Path, _: Data) -> None:
    np.savez(directory / "twin.npz", rows=np.array([Path], dtype=object), scores=np.ones((1, 3)))


def a_broken_twin(directory: Path, _: Data) -> None:
    (directory / "model.onnx").write_bytes(b"no onnx")


SPOILED = {
    other_scores: "it differs from model.keras by",
    no_scores: "there is no twin.npz to hold it against",
    scores_of_another_shape: "is not used: ",
    scores_that_are_a_pickle: "twin.npz cannot be read",
    a_broken_twin: "is not used: ",
}


@pytest.mark.parametrize(
    ("spoil", "why"), SPOILED.items(), ids=[spoil.__name__ for spoil in SPOILED]
)
def test_a_twin_that_is_not_known_to_be_equal_is_not_used(
    version: Path, data: Data, spoil: Any, why: str
) -> None:
    spoil(version.parent, data)
    with pytest.raises(formats.NotCompiled, match=why):
        twin.load(source(version, data.rows))
    with pytest.raises(Exception, match=r"model\.keras"):  # the original was opened in its place
        formats.load(version_in(version.parent), version.parent)
