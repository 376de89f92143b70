"""Stores in Azure, at Google and on HTTP servers: what S3 does, they do too, or say why not.

The account is always that of a mounted Secret, as in a pod. fake-gcs-server doesn't know the
writes of Google's XML API, so nothing is published there; what it holds was put there by others.
"""

import base64
import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.minio import mount
from transit_models import (
    IntegrityError,
    InvalidReference,
    ModelNotFound,
    Storage,
    StorageUnavailable,
    VersionConflict,
    fetch_verified,
    open_storage,
)
from transit_models.integrity import CHECKSUMS

from . import emulators
from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def azure_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulators.azure(tmp_path_factory.mktemp("azure"), "models") as endpoint:
        yield endpoint


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("AZURE_", "GOOGLE_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(tmp_path / "secret"))
    return tmp_path / "secret"


@pytest.fixture
def azure(azure_endpoint: str, secret: Path) -> dict[str, str]:
    """What the Secret says."""
    entries = {
        "AZURE_STORAGE_ENDPOINT": azure_endpoint,
        "AZURE_STORAGE_ACCOUNT_NAME": emulators.ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": emulators.KEY,
    }
    mount(secret, entries)
    return entries


def lay_out(version: Path, root: Path) -> None:
    """Files of a store, as somebody copied them there."""
    shutil.copytree(version, root / "tiny" / "v1.0.0")
    (root / "tiny" / "latest").write_text("v1.0.0\n")


def is_read(storage: Storage, into: Path) -> None:
    assert storage.resolve("tiny", "latest") == "1.0.0"
    found = fetch_verified(storage, "tiny", "1.0.0", into)
    assert found.model_file.read_bytes() == b"weights"
    assert found.digest == storage.digest("tiny", "1.0.0")
    with pytest.raises(ModelNotFound):
        storage.resolve("tiny", "2.0.0")


@pytest.mark.usefixtures("azure")
def test_azure_has_versions_for_ever(make_version: MakeVersion, tmp_path: Path) -> None:
    storage = open_storage("az://models/for/ever")
    assert storage.names() == []
    version = make_version()
    assert storage.publish(version, "tiny", "1.0.0")
    assert not storage.publish(version, "tiny", "1.0.0")
    with pytest.raises(VersionConflict, match="never changes"):
        storage.publish(make_version(content=b"other"), "tiny", "1.0.0")
    storage.set_alias("tiny", "latest", "1.0.0")
    assert (storage.names(), storage.versions("tiny")) == (["tiny"], ["1.0.0"])
    is_read(storage, tmp_path / "cache")
    with pytest.raises(ModelNotFound, match="there is no bucket 'absent'"):
        open_storage("az://absent").names()


def test_azure_refuses_and_trusts_again_when_the_secret_is_rotated(
    azure: dict[str, str], secret: Path
) -> None:
    storage = open_storage("az://models/rotated")
    wrong = base64.b64encode(b"of yesterday").decode()
    mount(secret, azure | {"AZURE_STORAGE_ACCOUNT_KEY": wrong})
    with pytest.raises(StorageUnavailable, match="check AZURE_STORAGE_ACCOUNT_NAME") as refused:
        storage.names()
    assert wrong not in str(refused.value)
    del azure["AZURE_STORAGE_ACCOUNT_KEY"]
    mount(secret, azure | {"AZURE_STORAGE_SAS_TOKEN": "sv=2021-08-06&sig=hidden%3D"})
    with pytest.raises(StorageUnavailable, match="refuses the credentials") as refused:
        storage.names()
    assert "hidden" not in str(refused.value)
    mount(secret, azure | {"AZURE_STORAGE_ACCOUNT_KEY": emulators.KEY})
    assert storage.names() == []


def marked(address: str, bucket: str, folder: str) -> None:
    """Put an empty object in a folder's place, as consoles do that show folders."""
    query = urlencode({"uploadType": "media", "name": f"{folder}/"})
    place = f"{address}/upload/storage/v1/b/{bucket}/o?{query}"
    with urllib.request.urlopen(urllib.request.Request(place, b"", method="POST"), timeout=10):
        return


def test_google_is_read(make_version: MakeVersion, secret: Path, tmp_path: Path) -> None:
    lay_out(make_version(), tmp_path / "data" / "models" / "a")
    with emulators.google(tmp_path, tmp_path / "data") as address:
        key = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
        mount(secret, {"GOOGLE_BASE_URL": address, "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key)})
        for folder in ("a", "a/tiny", "a/tiny/v1.0.0"):
            marked(address, "models", folder)
        storage = open_storage("gs://models/a")
        assert (storage.names(), storage.versions("tiny")) == (["tiny"], ["1.0.0"])
        is_read(storage, tmp_path / "cache")


def test_an_http_server_is_read_by_whom_it_knows(
    make_version: MakeVersion, secret: Path, tmp_path: Path
) -> None:
    lay_out(make_version(), tmp_path / "files" / "store")
    with emulators.web(tmp_path / "files", "Bearer right") as address:
        storage = open_storage(f"{address}/store/")
        mount(secret, {"HTTP_AUTHORIZATION": "Bearer wrong"})
        with pytest.raises(StorageUnavailable, match="check HTTP_AUTHORIZATION") as refused:
            storage.resolve("tiny", "latest")
        assert "wrong" not in str(refused.value)
        mount(secret, {"HTTP_AUTHORIZATION": "Bearer right"})
        is_read(storage, tmp_path / "cache")
        for asks in (storage.names, lambda: storage.versions("tiny")):
            with pytest.raises(InvalidReference, match="name each model and version"):
                asks()
        for writes in (
            lambda: storage.set_alias("tiny", "latest", "1.0.0"),
            lambda: storage.publish(make_version(version="2.0.0"), "tiny", "2.0.0"),
        ):
            with pytest.raises(InvalidReference, match="can only be read"):
                writes()
        (tmp_path / "files/store/tiny/v1.0.0/preprocessing.pkl").unlink()
        with pytest.raises(IntegrityError, match="preprocessing"):
            storage.fetch("tiny", "1.0.0", tmp_path / "another cache")
        (tmp_path / "files/store/tiny/v1.0.0" / CHECKSUMS).unlink()
        with pytest.raises(ModelNotFound, match=CHECKSUMS):
            storage.resolve("tiny", "1.0.0")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("https://user:hidden@models.example.com", "has no account"),
        ("https://models.example.com/a?token=hidden", "HTTP_AUTHORIZATION says who asks"),
        ("s3://models/a//b", "no '//'"),
        ("gs://models/../b", "no '..'"),
    ],
)
def test_addresses_that_would_mean_something_else(uri: str, says: str) -> None:
    with pytest.raises(InvalidReference, match=says) as refused:
        open_storage(uri)
    assert "hidden" not in str(refused.value)
