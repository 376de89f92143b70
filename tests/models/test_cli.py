"""The command, as a person uses it: from a file of one's own to a store, and what goes wrong."""

import json
from pathlib import Path

import pytest

from transit_models import open_storage, verify_version
from transit_models.cli import main

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A local store into which a model of one's own was packed, twice."""
    model = tmp_path / "forest.pkl"
    store = tmp_path / "store"
    for version in ("1.9.0", "1.10.0"):
        model.write_bytes(version.encode())
        arguments = [str(model), str(store), f"churn@{version}", "--features", "20"]
        assert main(["pack", *arguments, "--labels", "no,yes", "--accuracy", "0.9"]) == 0
    return store


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in ("AWS_ENDPOINT_URL", "transit-models pack", "s3://models", "train"):
        assert word in text


def test_a_model_of_ones_own_becomes_a_version(packed: Path) -> None:
    verified = verify_version(packed / "churn/v1.10.0", "churn", "1.10.0")
    metadata = verified.metadata
    assert metadata.framework == "scikit-learn"
    assert metadata.task == "classification"
    assert metadata.output_schema.labels == ("no", "yes")
    assert metadata.performance == {"accuracy": 0.9}
    assert verified.model_file.name == "model.pkl"


def test_a_regression_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    arguments = [str(tmp_path / "m.onnx"), str(tmp_path / "s"), "price@1.0.0", "--features", "3"]
    assert main(["pack", *arguments]) == 0
    metadata = verify_version(tmp_path / "s/price/v1.0.0").metadata
    assert (metadata.task, metadata.framework) == ("regression", "onnx")


def test_to_a_bucket_and_back(
    packed: Path, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alias", str(packed), "churn", "stable", "1.9.0"]) == 0
    assert main(["publish", str(packed), bucket]) == 0
    assert main(["publish", str(packed), bucket]) == 0
    told = capsys.readouterr().err
    assert "[1/2] churn 1.9.0: published" in told
    assert "0 of 2 versions were new" in told
    assert main(["alias", bucket, "churn", "latest", "1.10.0"]) == 0
    assert main(["list", bucket]) == 0
    assert capsys.readouterr().out == "churn@1.9.0  <- stable\nchurn@1.10.0  <- latest\n"
    assert main(["resolve", bucket, "churn@latest"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == [{"name": "churn", "version": "1.10.0"}]
    assert main(["verify", bucket]) == 0
    assert "churn 1.10.0: intact" in capsys.readouterr().out


def test_publishing_one_version(packed: Path, tmp_path: Path) -> None:
    assert main(["publish", str(packed), str(tmp_path / "other"), "churn@1.9.0"]) == 0
    assert open_storage(str(tmp_path / "other")).versions("churn") == ["1.9.0"]


def test_a_bucket_is_made_on_request(packed: Path, s3_environment: str) -> None:
    assert main(["publish", str(packed), "s3://made-by-publish"]) == 1
    assert main(["publish", str(packed), "s3://made-by-publish", "--create-bucket"]) == 0


def test_verify_finds_what_was_tampered_with(
    packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (packed / "churn/v1.9.0/model.pkl").write_bytes(b"evil")
    assert main(["verify", str(packed)]) == 1
    printed = capsys.readouterr()
    assert "churn 1.9.0: IntegrityError: model.pkl" in printed.out
    assert "churn 1.10.0: intact" in printed.out
    assert "1 of 2 versions must not be served" in printed.err
    assert main(["verify", str(packed), "churn@1.10.0"]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["resolve", "{store}", "churn@lates"], "neither an alias (latest, stable)"),
        (["resolve", "{store}", "churn@latest"], "has no alias 'latest'"),
        (["resolve", "{store}", "churn"], "which version?"),
        (["resolve", "{store}", "chum@latest"], "Did you mean 'churn'?"),
        (["list", "ftp://x"], "is no store"),
        (["list", "{store}/absent"], "is the volume mounted?"),
        (["train", "{store}", "nothing"], "there is no example 'nothing'"),
        (["pack", "{store}/readme.pt", "{store}", "a@1.0.0", "--features", "1"], "'.pt'"),
        (["pack", "{store}/x.pkl", "{store}", "a@1.0.0", "--features", "1"], "is no file"),
        (["pack", "{store}/x.pkl", "{store}", "a", "--features", "1"], "which version is it?"),
        (["publish", "{store}", "{store}/b", "--create-bucket"], "is no bucket"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(
    packed: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (packed / "readme.pt").write_text("no model")
    assert main([argument.format(store=packed) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert says in printed.err
    assert len(printed.err.splitlines()) == 1
    assert printed.out == ""
