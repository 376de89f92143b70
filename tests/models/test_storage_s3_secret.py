"""A store with an authority of its own, and a Secret that is mounted and rotated: a real MinIO with
TLS, one `ObjectStorage` through all of it.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import S3Store

from tests import minio
from tests.minio import Locked, mount
from transit_models import StorageUnavailable
from transit_models.storage.objects.kinds import S3
from transit_models.storage.objects.making import create_bucket
from transit_models.storage.objects.objects import Objects
from transit_models.storage.objects.storage import ObjectStorage

from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(120)

WRONG = "wrong-and-secret"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    with minio.locked(tmp_path_factory.mktemp("locked-minio")) as found:
        yield found


@pytest.fixture
def secret(locked: Locked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a mounted Secret with everything in it, and no variable beside it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(tmp_path / "secret"))
    mount(tmp_path / "secret", locked.entries)
    return tmp_path / "secret"


def bucket(prefix: str = "") -> ObjectStorage:
    return ObjectStorage(Objects(S3("models", prefix)))


def store(make_version: MakeVersion) -> ObjectStorage:
    """A store with a version in it; of its own, since what is published stays."""
    found = bucket(f"some/{uuid.uuid4().hex}")
    create_bucket(found)
    found.publish(make_version(), "tiny", "1.0.0")
    return found


@pytest.mark.usefixtures("secret")
def test_an_authority_of_ones_own_is_a_key_of_the_secret(
    make_version: MakeVersion, tmp_path: Path
) -> None:
    fetched = store(make_version).fetch("tiny", "1.0.0", tmp_path / "cache")
    assert (fetched.directory / "model.json").read_bytes() == b"weights"


def test_without_it_the_store_is_not_trusted_and_that_is_told(locked: Locked, secret: Path) -> None:
    mount(secret, {k: v for k, v in locked.entries.items() if k != "ca.crt"})
    with pytest.raises(StorageUnavailable, match=r"not trusted.*ca\.crt of storage\.secretName"):
        bucket().names()


def test_a_rotated_secret_counts_at_the_next_call(
    locked: Locked, secret: Path, make_version: MakeVersion
) -> None:
    storage = store(make_version)
    mount(secret, {**locked.entries, "AWS_SECRET_ACCESS_KEY": WRONG})
    with pytest.raises(StorageUnavailable, match="refuses the credentials") as refused:
        storage.names()
    assert WRONG not in str(refused.value)
    mount(secret, locked.entries)
    assert storage.names() == ["tiny"]


@pytest.mark.usefixtures("secret")
def test_what_is_mounted_goes_before_the_variables(
    make_version: MakeVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those are of the time when the process began."""
    storage = store(make_version)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "old")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "old-and-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert storage.names() == ["tiny"]
    assert bucket(storage.objects.kind.prefix).names() == ["tiny"]


def test_a_client_is_made_once_while_nothing_changes(locked: Locked, secret: Path) -> None:
    objects = bucket().objects
    first = objects.store
    assert objects.store is first
    mount(secret, locked.entries)
    assert objects.store is first, "the same entries in new files are no change"
    mount(secret, {**locked.entries, "AWS_REGION": "eu-north-1"})
    assert objects.store is not first
    assert isinstance(objects.store, S3Store)
    assert objects.store.config["region"] == "eu-north-1"
