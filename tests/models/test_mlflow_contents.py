"""What is made of a model that `log_model` wrote: never another digest for the same files."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from transit_models import verify_version
from transit_models.errors import IntegrityError, InvalidMetadata, InvalidReference
from transit_models.storage.mlflow.contents import metadata_of, read_contents
from transit_models.storage.mlflow.naming import number_of, split_address

MLMODEL = b"flavors:\n  sklearn: {pickled_model: model.pkl}\n"
SAYS = b"metadata:\n  transit: {labels: ['no', 'yes'], task: classification}\n"


class Files:
    """A `Source` of files in memory."""

    uri = "memory"
    lists = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def folders(self, under: str = "") -> list[str]:
        return []

    def keys(self, folder: str) -> Mapping[str, int]:
        return {name: len(body) for name, body in self.files.items()}

    def read(self, name: str, limit: int = 2**20) -> bytes | None:
        return self.files.get(name, b"")[:limit]

    def chunks(self, name: str, start: int, size: int | None) -> Iterator[memoryview]:
        yield memoryview(self.files[name])


def test_the_digest_of_the_same_files_is_the_same_in_every_release(tmp_path: Path) -> None:
    """Revisions are pinned to it: what this test holds must not be changed, only added to."""
    place = Files({"MLmodel": MLMODEL + SAYS, "model.pkl": b"weights", "code/a.py": b""})
    found = read_contents(place, place.keys(""), "churn", "3.0.0", tmp_path)
    assert found.digest == "f7b3a79159f39d37f4715860eeadcf111fce536a623f4caffb346c368c4c4139"
    assert verify_version(tmp_path, "churn", "3.0.0").digest == found.digest
    assert found.digest == read_contents(place, place.keys(""), "churn", "3.0.0").digest
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert metadata == {
        "model_name": "churn",
        "version": "3.0.0",
        "framework": "mlflow",
        "undescribed": True,
        "task": "classification",
        "output_schema": {"classes": 2, "labels": ["no", "yes"], "bins": []},
        "checksum": {"algorithm": "sha256", "value": hashlib.sha256(MLMODEL + SAYS).hexdigest()},
    }


@pytest.mark.parametrize(
    ("mlmodel", "told"),
    [
        (b"- a\n", "not as MLflow writes it"),
        (b"a: [", "no YAML"),
        (b"metadata: {transit: {label: [a]}}", "and not label"),
        (b"metadata: {transit: {labels: a}}", "are lists"),
        (b"metadata: {transit: {task: guess}}", "task"),
        (b"metadata: []", None),
    ],
)
def test_what_an_mlmodel_may_say(mlmodel: bytes, told: str | None) -> None:
    if told is None:
        assert metadata_of("m", "1.0.0", mlmodel)
        return
    with pytest.raises(InvalidMetadata, match=told):
        metadata_of("m", "1.0.0", mlmodel)


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/passwd", "a\\b", "a\nb"])
def test_no_name_leads_outside(tmp_path: Path, name: str) -> None:
    place = Files({"MLmodel": MLMODEL, name: b"x"})
    with pytest.raises(IntegrityError, match="Refused"):
        read_contents(place, place.keys(""), "m", "1.0.0", tmp_path / "in")
    assert not (tmp_path / "evil").exists()


def test_what_is_cut_off_or_no_model_is_refused() -> None:
    place = Files({"MLmodel": MLMODEL, "model.pkl": b"weights"})
    with pytest.raises(IntegrityError, match="8 bytes, as listed, found 7 bytes"):
        read_contents(place, {**place.keys(""), "model.pkl": 8}, "m", "1.0.0")
    with pytest.raises(IntegrityError, match="Register what log_model has made"):
        read_contents(Files({"a": b""}), {"a": 0}, "m", "1.0.0")


@pytest.mark.parametrize(
    ("version", "number"),
    [("3.0.0", 3), ("3", 3), ("12.0.0", 12), ("3.1.0", None), ("0.0.0", None), ("3.0.0-rc", None)],
)
def test_numbers(version: str, number: int | None) -> None:
    assert number_of(version) == number


@pytest.mark.parametrize(
    "uri", ["mlflow://", "mlflow://a b", "mlflow://u:p@h", "mlflow://h/../x", "mlflow://h/a?b"]
)
def test_addresses_that_are_none(uri: str) -> None:
    with pytest.raises(InvalidReference, match="without an account"):
        split_address(uri)
