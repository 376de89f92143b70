"""Published is for ever: two publishers at once, one that died, and readers in between.

Publishers are processes of the real command, against directories, a real MinIO and, but for what
registries can't do (`test_registry`), a real registry.
"""

import contextlib
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from transit_models import (
    IntegrityError,
    ModelNotFound,
    Storage,
    StorageUnavailable,
    VersionConflict,
    fetch_verified,
    open_storage,
)
from transit_models.cli import main
from transit_models.integrity import CHECKSUMS, UNPUBLISHED, digest_of, write_checksums
from transit_models.storage.local import LocalStorage
from transit_models.storage.objects.objects import Objects
from transit_models.storage.objects.storage import ObjectStorage
from transit_models.storage.oci.storage import OciStorage

from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(180)
FILES = 40
SIZE = 200_000  # so that it takes a moment


@pytest.fixture
def sources(make_version: MakeVersion, tmp_path: Path) -> list[Path]:
    """Two stores that hold the same version with other content, of many files."""
    found = []
    for letter in (b"a", b"b"):
        version = make_version("tiny", "1.0.0", letter)
        for number in range(FILES):
            (version / f"part-{number}.bin").write_bytes(letter * SIZE)
        write_checksums(version)
        store = tmp_path / letter.decode()
        (store / "tiny").mkdir(parents=True)
        version.rename(store / "tiny" / "v1.0.0")
        found.append(store)
    return found


def publisher(source: Path, storage: Storage) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "transit_models.cli", "publish", str(source), storage.uri]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def content(directory: Path) -> set[bytes]:
    return {path.read_bytes()[:1] for path in directory.glob("part-*.bin")}


@pytest.mark.parametrize("storage", ["local", "s3"], indirect=True)
def test_of_two_publishers_at_once_one_wins_and_the_other_is_told(
    storage: Storage, sources: list[Path], tmp_path: Path
) -> None:
    """Whoever reads meanwhile sees nothing, or all of one."""
    ended, seen = threading.Event(), set[str]()

    def read() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            try:
                found = fetch_verified(storage, "tiny", "1.0.0", tmp_path / f"reader-{number}")
            except ModelNotFound:
                seen.add("nothing")
            except IntegrityError as error:
                seen.add("nothing" if UNPUBLISHED in str(error) else str(error))
            else:
                assert len(content(found.directory)) == 1
                seen.add(found.digest)

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            both = [publisher(source, storage) for source in sources]
            said = [process.communicate(timeout=120)[1] for process in both]
        finally:
            ended.set()
        reader.result()
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 1], said
    assert "publish yours under another version" in said[codes.index(1)]
    winner = sources[codes.index(0)] / "tiny/v1.0.0"
    got = fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")
    assert (got.directory / CHECKSUMS).read_bytes() == (winner / CHECKSUMS).read_bytes()
    assert content(got.directory) == content(winner)
    assert seen <= {"nothing", got.digest}, "a reader saw what was not published"
    assert storage.versions("tiny") == ["1.0.0"]


def test_two_publishers_of_the_same_content_don_t_mind_each_other(
    storage: Storage, sources: list[Path], tmp_path: Path
) -> None:
    both = [publisher(sources[0], storage) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")


def died(storage: Storage, source: Path) -> None:
    """Leave what a publisher leaves that dies before its last write."""
    version = source / "tiny/v1.0.0"
    if isinstance(storage, ObjectStorage):
        assert storage.objects.put_new(
            "tiny/.claims/v1.0.0", open_storage(str(source)).digest("tiny", "1.0.0").encode()
        )
        storage.objects.upload({"tiny/v1.0.0/part-0.bin": version / "part-0.bin"})
    else:
        assert isinstance(storage, LocalStorage)
        there = storage.root / "tiny/v1.0.0"
        there.mkdir(parents=True)
        (there / "part-0.bin").write_bytes(b"by hand")


@pytest.mark.parametrize("storage", ["local", "s3"], indirect=True)
def test_what_never_finished_is_seen_by_nobody_and_in_the_way_until_it_is_discarded(
    storage: Storage, sources: list[Path], tmp_path: Path
) -> None:
    died(storage, sources[0])
    with pytest.raises(ModelNotFound):
        storage.versions("tiny")
    for refused in (
        lambda: storage.resolve("tiny", "1.0.0"),
        lambda: storage.fetch("tiny", "1.0.0", tmp_path / "cache"),
        lambda: storage.digest("tiny", "1.0.0"),
        lambda: storage.set_alias("tiny", "latest", "1.0.0"),
    ):
        with pytest.raises(IntegrityError, match="Publishing has not finished"):
            refused()
    other = sources[1] / "tiny/v1.0.0"
    with pytest.raises(VersionConflict, match=f"transit-models discard {storage.uri} tiny@1.0.0"):
        storage.publish(other, "tiny", "1.0.0")
    assert main(["discard", storage.uri, "tiny@1.0.0"]) == 0
    assert storage.publish(other, "tiny", "1.0.0")
    found = fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")
    assert content(found.directory) == {b"b"}


def test_what_is_published_is_not_discarded(
    storage: Storage, make_version: MakeVersion, capsys: pytest.CaptureFixture[str]
) -> None:
    storage.publish(make_version(), "tiny", "1.0.0")
    assert main(["discard", storage.uri, "tiny@1.0.0"]) == 1
    assert "is published" in capsys.readouterr().err
    assert storage.versions("tiny") == ["1.0.0"]


def test_whoever_died_may_go_on(bucket: str, sources: list[Path], tmp_path: Path) -> None:
    storage = open_storage(bucket)
    died(storage, sources[0])
    assert storage.publish(sources[0] / "tiny/v1.0.0", "tiny", "1.0.0")
    fetch_verified(storage, "tiny", "1.0.0", tmp_path)


def test_a_version_from_before_there_were_claims_stays(bucket: str, sources: list[Path]) -> None:
    storage = open_storage(bucket)
    assert isinstance(storage, ObjectStorage)
    storage.publish(sources[0] / "tiny/v1.0.0", "tiny", "1.0.0")
    storage.objects.delete("tiny/.claims/v1.0.0")
    with pytest.raises(VersionConflict):
        storage.publish(sources[1] / "tiny/v1.0.0", "tiny", "1.0.0")
    assert not storage.publish(sources[0] / "tiny/v1.0.0", "tiny", "1.0.0")


def dying(storage: Storage, writes: int) -> Storage:
    """The same store, to a publisher that is killed when it has written so often."""
    found, left = open_storage(storage.uri), iter(range(writes))

    def live(method: str) -> None:
        if method != "GET" and next(left, None) is None:
            raise KeyboardInterrupt

    if isinstance(found, OciStorage):
        client: Any = found.objects.registry.client
        asked = client.asked

        def request(method: str, *given: Any, **more: Any) -> Any:
            live("GET" if method == "HEAD" else method)
            return asked(method, *given, **more)

        client.asked = request
        return found
    assert isinstance(found, ObjectStorage)
    objects: Any = found.objects
    writing = objects._writing

    def write(what: Callable[[], object]) -> None:
        live("PUT")
        writing(what)

    objects._writing = write
    return found


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("storage", ["s3", "oci"], indirect=True)
def test_whenever_a_publisher_dies_it_can_be_published_again(
    storage: Storage, replaces: bool, make_version: MakeVersion, tmp_path: Path
) -> None:
    """Killed before each of its writes in turn; whoever reads then sees nothing, or all of one."""
    old, new = (make_version("tiny", "1.0.0", content) for content in (b"old", b"new"))
    for writes in itertools.count():
        here = open_storage(f"{storage.uri}/{writes}")
        if replaces:
            here.mark_scratch()
            here.publish(old, "tiny", "1.0.0")
        try:
            dying(here, writes).publish(new, "tiny", "1.0.0", replace=replaces)
        except KeyboardInterrupt:
            pass
        else:
            break
        with contextlib.suppress(ModelNotFound, IntegrityError):
            assert here.fetch("tiny", "1.0.0", tmp_path / f"{writes}").digest == digest_of(old)
        published_again(here, new, replaces)
        into = tmp_path / f"after-{writes}"
        assert here.fetch("tiny", "1.0.0", into).digest == digest_of(new)
    assert writes > 4


def published_again(storage: Storage, version: Path, replaces: bool) -> None:
    """It goes on; or says that what is left must be discarded, and then it does."""
    try:
        storage.publish(version, "tiny", "1.0.0", replace=replaces)
    except VersionConflict as error:
        said = str(error)
    else:
        return
    assert "transit-models discard" in said
    storage.discard("tiny", "1.0.0")
    assert storage.publish(version, "tiny", "1.0.0", replace=replaces)


class Forgetful(Objects):
    """A storage that takes every write, whatever its conditions."""

    def put_new(self, name: str, body: bytes) -> bool:
        super().delete(name)
        return super().put_new(name, body)


def test_a_storage_without_conditional_writes_is_found_out(
    bucket: str, sources: list[Path]
) -> None:
    storage = open_storage(bucket)
    assert isinstance(storage, ObjectStorage)
    storage.objects = Forgetful(storage.objects.kind)
    with pytest.raises(StorageUnavailable, match="ignores If-None-Match"):
        storage.publish(sources[0] / "tiny/v1.0.0", "tiny", "1.0.0")
    assert not storage.objects.keys("tiny/")


class Slow(Objects):
    """A storage that takes so long that somebody changes the files meanwhile."""

    change: Callable[[], object]

    def upload(self, files: Mapping[str, Path]) -> None:
        self.change()
        super().upload(files)


@pytest.mark.parametrize("sealed_again", [False, True])
def test_files_that_change_while_they_are_sent_are_not_published(
    sealed_again: bool, bucket: str, sources: list[Path], tmp_path: Path
) -> None:
    version = sources[0] / "tiny/v1.0.0"
    whole = (version / "part-3.bin").read_bytes()

    def change() -> None:
        (version / "part-3.bin").write_bytes(b"changed")
        if sealed_again:
            write_checksums(version)

    storage = open_storage(bucket)
    assert isinstance(storage, ObjectStorage)
    storage.objects = Slow(storage.objects.kind)
    storage.objects.change = change
    with pytest.raises(IntegrityError):
        storage.publish(version, "tiny", "1.0.0")
    with pytest.raises(ModelNotFound):
        storage.versions("tiny")
    storage.objects.change = lambda: None
    (version / "part-3.bin").write_bytes(whole)
    write_checksums(version)
    assert storage.publish(version, "tiny", "1.0.0")
    fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")


def test_only_a_store_without_versions_becomes_scratch_by_command(
    storage: Storage, sources: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, other = (source / "tiny/v1.0.0" for source in sources)
    storage.publish(first, "tiny", "1.0.0")
    assert main(["scratch", storage.uri]) == 1
    assert "make another store" in capsys.readouterr().err
    assert not storage.scratch
    storage.mark_scratch()
    with pytest.raises(VersionConflict, match="--replace"):
        storage.publish(other, "tiny", "1.0.0")
    assert storage.publish(other, "tiny", "1.0.0", replace=True)
    assert storage.names() == ["tiny"]


@pytest.mark.parametrize("kind", ["new directory", "bucket"])
def test_a_new_store_becomes_scratch(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = str(tmp_path / "new") if kind == "new directory" else request.getfixturevalue("bucket")
    assert main(["scratch", uri]) == 0
    assert main(["scratch", uri]) == 0
    assert open_storage(uri).scratch
    assert open_storage(uri).names() == []


@pytest.mark.parametrize("marker", ["", "[]", '{"scratch": "yes"}', '{"scratch": false}', "{"])
def test_a_marker_that_says_nothing_clear_is_none(tmp_path: Path, marker: str) -> None:
    (tmp_path / "transit-store.json").write_text(marker)
    assert not LocalStorage(tmp_path).scratch
