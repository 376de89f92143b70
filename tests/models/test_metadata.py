"""The guide's metadata is read as it stands; what breaks the schema is refused by field."""

import json
from pathlib import Path
from typing import Any

import pytest

from transit_models import InvalidMetadata
from transit_models.metadata import (
    ModelMetadata,
    find_model_file,
    parse_metadata,
    read_metadata,
    write_metadata,
)


def guide() -> dict[str, Any]:
    """The example of the deployment guide, with a real checksum."""
    return {
        "model_name": "keras_cnn",
        "version": "1.0.0",
        "created_at": "2025-10-05T12:00:00Z",
        "framework": "tensorflow",
        "framework_version": "2.15.0",
        "training": {"dataset_version": "kepler_q1_q17_dr25", "training_samples": 1400},
        "performance": {"accuracy": 0.92, "roc_auc": 0.94},
        "input_schema": {"features": 784, "dtype": "float32", "shape": [1, 784, 1]},
        "output_schema": {"classes": 3, "labels": ["CONFIRMED", "CANDIDATE", "FALSE_POSITIVE"]},
        "dependencies": {"tensorflow": "2.15.0", "numpy": "1.26.0"},
        "checksum": {"algorithm": "sha256", "value": "AB" * 32},
    }


def test_the_guides_example_is_understood() -> None:
    metadata = parse_metadata(guide())
    assert metadata.task == "classification"
    assert metadata.input_schema.row_shape == (784, 1)
    assert metadata.output_schema.labels[2] == "FALSE_POSITIVE"
    assert metadata.checksum.value == "ab" * 32


def test_keys_of_others_are_kept(tmp_path: Path) -> None:
    written = parse_metadata({**guide(), "owner": {"team": "stars"}})
    write_metadata(tmp_path, written)
    assert json.loads((tmp_path / "metadata.json").read_text())["owner"] == {"team": "stars"}
    assert read_metadata(tmp_path) == written


def test_without_a_shape_a_row_is_flat() -> None:
    raw = guide()
    del raw["input_schema"]["shape"]
    assert parse_metadata(raw).input_schema.row_shape == (784,)


@pytest.mark.parametrize(
    ("path", "value", "names"),
    [
        ("framework", "torch", "framework"),
        ("version", "1.0", "version: .*no semantic version"),
        ("model_name", "../x", "model_name"),
        ("input_schema.features", 0, "input_schema.features"),
        ("input_schema.shape", [1, 28, 27], "holds 756 values .* features is 784"),
        ("output_schema.labels", ["A", "B"], "classes is 3, with 2 labels"),
        ("output_schema.labels", ["A", "B", "B"], "two labels are the same"),
        ("checksum.value", "abc", "checksum.value"),
        ("checksum.algorithm", "md5", "checksum.algorithm"),
        ("task", "clustering", "task"),
        ("task", "binary", "binary model needs exactly 2"),
        ("output_schema", {}, "at least 2 classes"),
    ],
)
def test_a_wrong_field_is_named(path: str, value: object, names: str) -> None:
    raw = guide()
    *parents, last = path.split(".")
    part = raw
    for parent in parents:
        part = part[parent]
    part[last] = value
    with pytest.raises(InvalidMetadata, match=names):
        parse_metadata(raw)


def test_a_regression_needs_no_classes() -> None:
    raw = {**guide(), "task": "regression"}
    del raw["output_schema"]
    assert parse_metadata(raw).output_schema.labels == ()


def regression(**output: object) -> ModelMetadata:
    return parse_metadata({**guide(), "task": "regression", "output_schema": output})


def test_bins_of_a_regression() -> None:
    assert regression().output_schema.bin_labels == ()
    assert regression(bins=[0]).output_schema.bin_labels == ("<0", ">=0")
    assert regression(bins=[-1.5, 0, 1e6]).output_schema.bin_labels == (
        "<-1.5",
        "-1.5..0",
        "0..1000000",
        ">=1000000",
    )


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"bins": [1, 1]}, "bins must rise"),
        ({"bins": [2, 1]}, "bins must rise"),
        ({"bins": [1, float("nan")]}, "finite"),
        ({"bins": [1], "classes": 2, "labels": ["a", "b"]}, "bins are for a regression"),
        ({"classes": 2, "labels": ["a", "b"]}, "a regression has no classes"),
    ],
)
def test_wrong_outputs_of_a_regression(output: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidMetadata, match=words):
        regression(**output)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "null", '{"model_name": 1}', "[" * 100_000),
        json.dumps({**guide(), "output_schema": {"classes": 2, "labels": ["half \ud800", "b"]}}),
    ],
)
def test_what_is_no_metadata_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(InvalidMetadata, match=r"metadata\.json"):
        read_metadata(tmp_path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidMetadata, match="transit-models pack"):
        read_metadata(tmp_path)


def test_an_onnx_twin_does_not_hide_the_model(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    assert find_model_file(tmp_path, "tensorflow").name == "model.onnx"
    (tmp_path / "model.keras").touch()
    assert find_model_file(tmp_path, "tensorflow").name == "model.keras"
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(InvalidMetadata, match=r"model\.json, model\.ubj.*found model\.keras"):
        find_model_file(tmp_path, "xgboost")
