"""A version that differs by one bit, one file or one name from what was published is refused."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transit_models import IntegrityError, InvalidMetadata, verify_version
from transit_models.integrity import CHECKSUMS, check_relative, write_checksums
from transit_models.packing.pack import Description, seal

FILES = ["model.json", "preprocessing.pkl", "metadata.json"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("version")
    (directory / "model.json").write_bytes(os.urandom(300))
    (directory / "preprocessing.pkl").write_bytes(os.urandom(200))
    seal(directory, Description("tiny", "1.0.0", "xgboost", features=4, labels=("no", "yes")))
    return directory


@pytest.fixture
def version(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def test_an_untouched_version_is_fine(version: Path) -> None:
    verified = verify_version(version, "tiny", "1.0.0")
    assert verified.model_file == version / "model.json"
    assert verified.preprocessing == version / "preprocessing.pkl"
    assert verified.probe is None


def test_sha256sum_agrees(version: Path) -> None:
    checked = subprocess.run(["sha256sum", "-c", "--strict", CHECKSUMS], cwd=version, check=False)
    assert checked.returncode == 0


@settings(max_examples=60, deadline=None)
@given(file=st.sampled_from(FILES), where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(original: Path, file: str, where: float, bit: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(shutil.copytree(original, Path(scratch) / "copy"))
        content = bytearray((directory / file).read_bytes())
        content[int(where * len(content))] ^= 1 << bit
        (directory / file).write_bytes(content)
        with pytest.raises(IntegrityError) as caught:
            verify_version(directory)
    assert caught.value.file == file
    assert len(caught.value.expected) == len(caught.value.found) == 64
    assert caught.value.expected != caught.value.found
    assert file in str(caught.value)


@settings(max_examples=30, deadline=None)
@given(file=st.sampled_from(FILES), kept=st.floats(0, 1, exclude_max=True))
def test_any_truncation_is_found(original: Path, file: str, kept: float) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(shutil.copytree(original, Path(scratch) / "copy"))
        content = (directory / file).read_bytes()
        (directory / file).write_bytes(content[: int(kept * len(content))])
        with pytest.raises(IntegrityError, match=file):
            verify_version(directory)


@settings(max_examples=60, deadline=None)
@given(content=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=50), max_size=6))
def test_what_is_written_verifies(content: dict[str, bytes]) -> None:
    from transit_models.integrity import verify_checksums

    with tempfile.TemporaryDirectory() as scratch:
        for name, data in content.items():
            (Path(scratch) / name).write_bytes(data)
        write_checksums(Path(scratch))
        if content:
            assert verify_checksums(Path(scratch)).keys() == content.keys()


def test_a_file_that_nobody_published_is_refused(version: Path) -> None:
    (version / "extra.py").write_text("import os")
    with pytest.raises(IntegrityError, match=r"extra\.py: expected a line in checksum\.sha256"):
        verify_version(version)


def test_a_missing_file_is_named(version: Path) -> None:
    (version / "preprocessing.pkl").unlink()
    with pytest.raises(IntegrityError, match=r"preprocessing\.pkl.*no such file"):
        verify_version(version)


def test_without_checksums_nothing_is_trusted(version: Path) -> None:
    (version / CHECKSUMS).unlink()
    with pytest.raises(IntegrityError, match="transit-models publish"):
        verify_version(version)


def test_symlinks_are_refused(version: Path, tmp_path: Path) -> None:
    shutil.move(version / "model.json", tmp_path / "elsewhere")
    (version / "model.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError, match=r"model\.json.*symbolic link"):
        verify_version(version)


def test_a_file_name_that_is_no_utf_8_is_refused(version: Path) -> None:
    with open(os.fsencode(version) + b"/part-\xff", "wb"):
        pass
    for refused in (write_checksums, verify_version):
        with pytest.raises(IntegrityError, match=r"part-\\udcff.*plain file name"):
            refused(version)


@pytest.mark.parametrize(
    "line",
    [
        f"{'0' * 64}  ../outside",
        f"{'0' * 64}  /etc/passwd",
        f"{'0' * 64}  a/../../b",
        f"{'0' * 64}  ./model.json",
        f"{'0' * 64}  a//b",
        f"{'0' * 63}  model.json",
        f"\\{'0' * 64}  a\\\\b",
        f"{'0' * 64} model.json",
        "nonsense",
        "",
    ],
)
def test_lines_that_lead_outside_or_make_no_sense(version: Path, line: str) -> None:
    with (version / CHECKSUMS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(IntegrityError):
        verify_version(version)


def test_a_file_listed_twice_is_refused(version: Path) -> None:
    text = (version / CHECKSUMS).read_text()
    (version / CHECKSUMS).write_text(text + text.splitlines()[0] + "\n")
    with pytest.raises(IntegrityError, match="two"):
        verify_version(version)


def test_a_model_that_does_not_fit_its_metadata_is_refused(version: Path) -> None:
    (version / "model.json").write_bytes(b"of another version")
    write_checksums(version)
    with pytest.raises(IntegrityError, match="different versions"):
        verify_version(version)


def test_a_version_in_the_wrong_place_is_refused(version: Path) -> None:
    with pytest.raises(InvalidMetadata, match=r"'1\.0\.0', but it is stored as '1\.0\.1'"):
        verify_version(version, "tiny", "1.0.1")
    with pytest.raises(InvalidMetadata, match="'tiny', but it is stored as 'huge'"):
        verify_version(version, "huge", "1.0.0")


def test_metadata_are_verified_before_they_are_believed(version: Path) -> None:
    raw = json.loads((version / "metadata.json").read_text())
    (version / "metadata.json").write_text(json.dumps({**raw, "version": "9.9.9"}))
    with pytest.raises(IntegrityError, match=r"metadata\.json"):
        verify_version(version, "tiny", "9.9.9")


@given(st.text(max_size=20))
@example(".")
@example("")
@example("..")
@example("./a")
@example("a/")
@example("a/./b")
@example("a//b")
@example("/a")
def test_a_relative_name_never_leaves_its_directory(name: str) -> None:
    try:
        check_relative(name)
    except IntegrityError:
        return
    inside = os.path.normpath(f"/root/{name}")
    assert inside.startswith("/root/")
    assert inside == f"/root/{name}"
