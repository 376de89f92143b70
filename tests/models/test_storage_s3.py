"""What only S3 has: a cache, half-published versions, wrong accounts, a store that does not
answer.
"""

import socket
import time
from pathlib import Path

import pytest

from transit_models import (
    ContentChanged,
    IntegrityError,
    ModelNotFound,
    StorageUnavailable,
    fetch_verified,
    open_storage,
)
from transit_models.storage.objects.storage import ObjectStorage

from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def store(bucket: str, make_version: MakeVersion) -> ObjectStorage:
    storage = open_storage(bucket)
    assert isinstance(storage, ObjectStorage)
    storage.publish(make_version(), "tiny", "1.0.0")
    return storage


def put(store: ObjectStorage, name: str, body: bytes) -> None:
    store.objects.put(name, body)


def test_an_alias_is_an_object_that_holds_the_version(store: ObjectStorage) -> None:
    store.set_alias("tiny", "latest", "1.0.0")
    whole = open_storage(store.uri.removesuffix("/some/prefix"))
    assert isinstance(whole, ObjectStorage)
    assert whole.objects.read("some/prefix/tiny/latest") == b"v1.0.0"


def test_what_is_cached_is_not_downloaded_again(store: ObjectStorage, tmp_path: Path) -> None:
    first = store.fetch("tiny", "1.0.0", tmp_path).directory
    assert first == tmp_path / "tiny/v1.0.0"
    written = first.stat().st_ino
    assert store.fetch("tiny", "1.0.0", tmp_path).directory.stat().st_ino == written
    assert {path.name for path in (tmp_path / "tiny").glob("[!.]*")} == {"v1.0.0"}
    assert not list((tmp_path / "tiny").glob(".fetch-*"))


def test_a_spoilt_cache_is_fetched_again(store: ObjectStorage, tmp_path: Path) -> None:
    path = store.fetch("tiny", "1.0.0", tmp_path).directory
    (path / "model.json").write_bytes(b"spoilt")
    assert fetch_verified(store, "tiny", "1.0.0", tmp_path).model_file.read_bytes() == b"weights"


def test_what_was_tampered_with_in_the_bucket_is_refused(
    store: ObjectStorage, tmp_path: Path
) -> None:
    put(store, "tiny/v1.0.0/model.json", b"tampered")
    with pytest.raises(IntegrityError, match=r"model\.json"):
        fetch_verified(store, "tiny", "1.0.0", tmp_path)


def test_an_added_object_is_refused(store: ObjectStorage, tmp_path: Path) -> None:
    put(store, "tiny/v1.0.0/sitecustomize.py", b"import os")
    with pytest.raises(IntegrityError, match="sitecustomize"):
        fetch_verified(store, "tiny", "1.0.0", tmp_path)


def test_a_half_published_version_is_not_fetched(store: ObjectStorage, tmp_path: Path) -> None:
    store.objects.delete("tiny/v1.0.0/checksum.sha256")
    with pytest.raises(IntegrityError, match="Publishing has not finished"):
        store.fetch("tiny", "1.0.0", tmp_path)
    assert not (tmp_path / "tiny/v1.0.0").exists()


def test_a_missing_bucket_is_named(s3_environment: str) -> None:
    with pytest.raises(ModelNotFound, match="there is no bucket 'nobody-made-it'"):
        open_storage("s3://nobody-made-it/x").names()


def test_wrong_credentials_are_told_as_such(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StorageUnavailable, match="check AWS_ACCESS_KEY_ID") as caught:
        open_storage(bucket).names()
    assert "wrong" not in str(caught.value)


def test_a_store_that_is_down_is_given_up_soon(
    store: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.fetch("tiny", "1.0.0", tmp_path)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        down = open_storage(store.uri)
        start = time.monotonic()
        with pytest.raises(StorageUnavailable, match="AWS_ENDPOINT_URL"):
            down.resolve("tiny", "latest")
        assert time.monotonic() - start < 60
        cached = fetch_verified(down, "tiny", "1.0.0", tmp_path)
        assert cached.model_file.read_bytes() == b"weights", "a pod restarts from its cache"
        with pytest.raises(StorageUnavailable):
            down.fetch("tiny", "2.0.0", tmp_path)


def test_what_is_cached_serves_on_when_the_store_has_other_content_or_is_down(
    store: ObjectStorage, make_version: MakeVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.mark_scratch()
    digest = fetch_verified(store, "tiny", "1.0.0", tmp_path).digest
    store.publish(make_version("tiny", "1.0.0", b"other"), "tiny", "1.0.0", replace=True)
    kept = fetch_verified(store, "tiny", "1.0.0", tmp_path, digest)
    assert kept.model_file.read_bytes() == b"weights"
    with pytest.raises(ContentChanged):
        fetch_verified(store, "tiny", "1.0.0", tmp_path / "a new pod", digest)
    assert not list((tmp_path / "a new pod").rglob("model.json")), "nothing was downloaded"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    start = time.monotonic()
    fetch_verified(open_storage(store.uri), "tiny", "1.0.0", tmp_path, digest)
    assert time.monotonic() - start < 1, "the store was asked"


def test_many_processes_may_fetch_into_one_cache(store: ObjectStorage, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(lambda _: store.fetch("tiny", "1.0.0", tmp_path).directory, range(12)))
    assert found == {tmp_path / "tiny/v1.0.0"}
    fetch_verified(store, "tiny", "1.0.0", tmp_path)
