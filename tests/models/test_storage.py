"""What every store does, local or S3: the same names, versions, aliases, errors."""

from pathlib import Path

import pytest

from transit_models import (
    ContentChanged,
    IntegrityError,
    InvalidReference,
    ModelNotFound,
    Storage,
    VersionConflict,
    fetch_verified,
    open_storage,
)
from transit_models.integrity import CHECKSUMS, sha256_of

from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(120)


def publish(storage: Storage, made: MakeVersion, *versions: str, name: str = "tiny") -> None:
    for version in versions:
        storage.publish(made(name, version, version.encode()), name, version)


def test_an_empty_store_has_no_names(storage: Storage) -> None:
    assert storage.names() == []


def test_versions_are_sorted_as_versions(storage: Storage, make_version: MakeVersion) -> None:
    publish(storage, make_version, "1.10.0", "1.9.0", "1.10.0-rc.1", "2.0.0")
    publish(storage, make_version, "1.0.0", name="other")
    assert storage.names() == ["other", "tiny"]
    assert storage.versions("tiny") == ["1.9.0", "1.10.0-rc.1", "1.10.0", "2.0.0"]


def test_what_is_published_is_fetched(
    storage: Storage, make_version: MakeVersion, tmp_path: Path
) -> None:
    source = make_version("tiny", "1.0.0", b"the weights")
    assert storage.publish(source, "tiny", "1.0.0")
    verified = fetch_verified(storage, "tiny", "v1.0.0", tmp_path / "cache")
    assert verified.model_file.read_bytes() == b"the weights"
    assert verified.preprocessing is not None
    assert verified.metadata.output_schema.labels == ("no", "yes")


def test_an_alias_is_resolved_and_moves(storage: Storage, make_version: MakeVersion) -> None:
    publish(storage, make_version, "1.0.0", "1.1.0")
    storage.set_alias("tiny", "stable", "1.0.0")
    storage.set_alias("tiny", "latest", "v1.0.0")
    storage.set_alias("tiny", "latest", "1.1.0")
    assert storage.resolve("tiny", "latest") == "1.1.0"
    assert storage.resolve("tiny", "stable") == "1.0.0"
    assert storage.resolve("tiny", "v1.0.0") == "1.0.0"
    assert storage.aliases("tiny") == {"latest": "1.1.0", "stable": "1.0.0"}


def test_errors_say_what_there_is(
    storage: Storage, make_version: MakeVersion, tmp_path: Path
) -> None:
    publish(storage, make_version, "1.0.0", "1.1.0")
    with pytest.raises(ModelNotFound, match=r"no model 'tinny'\. It has: tiny\. Did you mean"):
        storage.versions("tinny")
    with pytest.raises(ModelNotFound, match=r"no version 1\.2\.0\. It has: 1\.0\.0, 1\.1\.0"):
        storage.resolve("tiny", "1.2.0")
    with pytest.raises(ModelNotFound, match=r"alias 'stable'.*transit-models alias .* 1\.1\.0"):
        storage.resolve("tiny", "stable")
    with pytest.raises(InvalidReference, match="'stabel' is neither an alias"):
        storage.resolve("tiny", "stabel")
    with pytest.raises(ModelNotFound, match=r"no version 3\.0\.0"):
        storage.fetch("tiny", "3.0.0", tmp_path)
    with pytest.raises(ModelNotFound, match="no model 'absent'"):
        storage.fetch("absent", "1.0.0", tmp_path)
    with pytest.raises(ModelNotFound, match=r"no version 3\.0\.0"):
        storage.set_alias("tiny", "latest", "3.0.0")
    with pytest.raises(InvalidReference, match="cannot name a model"):
        storage.fetch("../tiny", "1.0.0", tmp_path)


def test_a_version_never_changes(storage: Storage, make_version: MakeVersion) -> None:
    first = make_version("tiny", "1.0.0", b"first")
    assert storage.publish(first, "tiny", "1.0.0")
    assert not storage.publish(first, "tiny", "1.0.0"), "the same again is no news"
    other = make_version("tiny", "1.0.0", b"other")
    with pytest.raises(VersionConflict, match=r"publish yours under another version$"):
        storage.publish(other, "tiny", "1.0.0")
    with pytest.raises(VersionConflict, match="is no scratch store"):
        storage.publish(other, "tiny", "1.0.0", replace=True)


def test_replacing_leaves_nothing_of_the_old(
    storage: Storage, make_version: MakeVersion, tmp_path: Path
) -> None:
    storage.mark_scratch()
    storage.publish(make_version("tiny", "1.0.0", b"first"), "tiny", "1.0.0")
    fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")
    other = make_version("tiny", "1.0.0", b"other")
    (other / "preprocessing.pkl").unlink()
    from transit_models.integrity import write_checksums

    write_checksums(other)
    assert storage.publish(other, "tiny", "1.0.0", replace=True)
    again = fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")
    assert again.model_file.read_bytes() == b"other"
    assert again.preprocessing is None


def test_a_digest_is_of_the_content_alone(
    storage: Storage, make_version: MakeVersion, tmp_path: Path
) -> None:
    made = make_version("tiny", "1.0.0", b"first")
    storage.publish(made, "tiny", "1.0.0")
    digest = storage.digest("tiny", "1.0.0")
    assert digest == sha256_of(made / CHECKSUMS)
    assert fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache").digest == digest
    fetch_verified(storage, "tiny", "1.0.0", tmp_path / "another cache", digest)
    with pytest.raises(ModelNotFound, match=r"no version 2\.0\.0"):
        storage.digest("tiny", "2.0.0")


def test_other_content_than_asked_for_is_refused(
    storage: Storage, make_version: MakeVersion, tmp_path: Path
) -> None:
    storage.mark_scratch()
    storage.publish(make_version("tiny", "1.0.0", b"first"), "tiny", "1.0.0")
    first = storage.digest("tiny", "1.0.0")
    storage.publish(make_version("tiny", "1.0.0", b"other"), "tiny", "1.0.0", replace=True)
    other = storage.digest("tiny", "1.0.0")
    with pytest.raises(ContentChanged, match=f"{other}.*{first}.*a version of their own"):
        fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache", first)
    assert fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache", other).digest == other


def test_what_is_not_intact_is_not_published(storage: Storage, make_version: MakeVersion) -> None:
    source = make_version()
    (source / "model.json").write_bytes(b"tampered")
    with pytest.raises(IntegrityError, match=r"model\.json"):
        storage.publish(source, "tiny", "1.0.0")
    assert storage.names() == []


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("ftp://bucket", "no store"),
        ("s3://", "no store"),
        ("", "no store"),
        ("file://server/path", "no store"),
        ("pvc://claim/path", "mounted into the pod by the operator"),
    ],
)
def test_addresses_that_are_no_store(uri: str, says: str) -> None:
    with pytest.raises(InvalidReference, match=says):
        open_storage(uri)
