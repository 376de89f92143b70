"""The command, as a person uses it: from a file of one's own to a store, and what goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from onnx import TensorProto, helper

from transit_models import open_storage, verify_version
from transit_models.cli import main
from transit_models.commands import look, publish, registry
from transit_models.integrity import VerifiedVersion, sha256_of
from transit_models.storage.local import LocalStorage

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A local store into which a model of one's own was packed, twice."""
    model = tmp_path / "forest.pkl"
    store = tmp_path / "store"
    for version in ("1.9.0", "1.10.0"):
        model.write_bytes(b"\x80\x02Pkept elsewhere, %s\n." % version.encode())
        arguments = [str(model), str(store), f"churn@{version}", "--features", "20"]
        assert main(["pack", *arguments, "--labels", "no,yes", "--accuracy", "0.9"]) == 0
    return store


def summed(path: Path) -> None:
    """A regression in ONNX: the sum of three numbers."""
    node = helper.make_node("ReduceSum", ["x", "axis"], ["y"], keepdims=1)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())


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
    summed(tmp_path / "m.onnx")
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
    assert ": 0 of 2 versions" in told
    assert main(["alias", bucket, "churn", "latest", "1.10.0"]) == 0
    assert main(["list", bucket]) == 0
    assert capsys.readouterr().out == "churn@1.9.0  <- stable\nchurn@1.10.0  <- latest\n"
    assert main(["resolve", bucket, "churn@latest"]) == 0
    answer = json.loads(capsys.readouterr().out)
    digest = sha256_of(packed / "churn/v1.10.0/checksum.sha256")
    assert answer == [{"name": "churn", "version": "1.10.0", "digest": digest}]
    assert main(["resolve", bucket, "churn@1.10.0"]) == 0
    assert json.loads(capsys.readouterr().out) == answer
    assert main(["verify", bucket]) == 0
    assert f"churn 1.10.0: intact, digest {digest}" in capsys.readouterr().out


def test_what_is_resolved_fits_into_a_termination_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kubernetes keeps 4096 bytes of it, and a pod serves up to 16 models with names of 63 letters
    and versions of 64."""
    model, store, version = tmp_path / "m.onnx", tmp_path / "s", "1.0.0-" + "a" * 58
    summed(model)
    references = [f"{chr(97 + n) * 63}@{version}" for n in range(16)]
    for reference in references:
        assert main(["pack", str(model), str(store), reference, "--features", "3"]) == 0
    capsys.readouterr()
    assert main(["resolve", str(store), *references, "--output", str(tmp_path / "said")]) == 0
    assert (tmp_path / "said").stat().st_size <= 4096
    assert len(json.loads((tmp_path / "said").read_text())) == 16


def test_publishing_one_version(packed: Path, tmp_path: Path) -> None:
    assert main(["publish", str(packed), str(tmp_path / "other"), "churn@1.9.0"]) == 0
    assert open_storage(str(tmp_path / "other")).versions("churn") == ["1.9.0"]


def test_a_bucket_is_made_on_request(packed: Path, s3_environment: str) -> None:
    assert main(["publish", str(packed), "s3://made-by-publish"]) == 1
    assert main(["publish", str(packed), "s3://made-by-publish", "--create-bucket"]) == 0


def test_a_store_that_is_not_there_ends_with_a_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", str(tmp_path / "absent")]) == 3
    assert "is the volume mounted?" in capsys.readouterr().err


def test_verify_finds_what_was_tampered_with(
    packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (packed / "churn/v1.9.0/model.pkl").write_bytes(b"evil")
    assert main(["verify", str(packed)]) == 1
    printed = capsys.readouterr()
    assert "churn 1.9.0: IntegrityError: model.pkl" in printed.out
    assert "churn 1.10.0: intact" in printed.out
    assert "not to be served: 1 of 2 versions" in printed.err
    assert main(["verify", str(packed), "churn@1.10.0"]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["resolve", "{store}", "churn@lates"], "neither an alias (latest, stable)"),
        (["resolve", "{store}", "churn@latest"], "has no alias 'latest'"),
        (["resolve", "{store}", "churn"], "which version?"),
        (["resolve", "{store}", "chum@latest"], "Did you mean 'churn'?"),
        (["resolve", "{store}", "churn@2.0.0"], "has no version 2.0.0. It has: 1.9.0, 1.10.0"),
        (["list", "ftp://x"], "is no store"),
        (["train", "{store}", "nothing"], "there is no example 'nothing'"),
        (["pack", "{store}/readme.pt", "{store}", "a@1.0.0", "--features", "1"], "'.pt'"),
        (["pack", "{store}/x.pkl", "{store}", "a@1.0.0", "--features", "1"], "is no file"),
        (
            ["pack", "{store}/x.pkl", "{store}", "a", "--features", "1"],
            "which version? Write a@1.0.0",
        ),
        (["publish", "{store}", "{store}/b", "--create-bucket"], "is no bucket"),
        (["resolve", "{store}", "churn@1.9.0", "--output", "{store}/no/file"], "No such file or"),
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


def test_output_that_nobody_reads_ends_quietly(packed: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "transit_models.cli", "list", str(packed)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


class Copying(LocalStorage):
    """A store that is elsewhere: what is read of it takes room here."""

    def fetch(
        self,
        name: str,
        version: str,
        into: Path,
        digest: str | None = None,
        *,
        copy: bool = False,
    ) -> VerifiedVersion:
        assert not list(into.iterdir()), "another version still takes room"
        return super().fetch(name, version, into, digest, copy=True)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (look, ["verify", "{store}"]),
        (publish, ["publish", "{store}", "{other}"]),
        (registry, ["registry", "add", "{store}"]),
    ],
    ids=["verify", "publish", "registry add"],
)
def test_of_many_versions_one_at_a_time_takes_room(
    module: ModuleType,
    arguments: list[str],
    packed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "open_storage", lambda uri: Copying(Path(uri)))
    monkeypatch.setenv("TRANSIT_MODEL_REGISTRY", f"sqlite:///{tmp_path}/registry.db")
    given = [text.format(store=packed, other=tmp_path / "other") for text in arguments]
    assert main(given) == 0


def test_a_wrong_alias_hides_no_other_model(
    packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (packed / "churn" / "stable").write_text("yesterday's")
    (packed / "churn" / "latest").write_text("v9.9.9")
    assert main(["list", str(packed)]) == 1
    printed = capsys.readouterr()
    assert "churn@1.10.0" in printed.out
    assert 'holds "yesterday\'s", which is no version: set it again' in printed.err
    (packed / "churn" / "stable").unlink()
    assert main(["list", str(packed), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["churn"]["versions"] == ["1.9.0", "1.10.0"]
    assert "churn: latest is 9.9.9, of which there is nothing" in printed.err
