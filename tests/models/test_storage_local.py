"""What only a store in a directory has: symlinks, text files as aliases, things lying about."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from transit_models import (
    InvalidReference,
    ModelNotFound,
    StorageUnavailable,
    VersionConflict,
    open_storage,
)
from transit_models.integrity import write_checksums
from transit_models.storage.local import LocalStorage

from .conftest import MakeVersion


@pytest.fixture
def store(tmp_path: Path, make_version: MakeVersion) -> LocalStorage:
    storage = LocalStorage(tmp_path / "store")
    for version in ("1.0.0", "1.1.0"):
        storage.publish(make_version("tiny", version), "tiny", version)
    return storage


def test_an_alias_is_a_relative_symlink(store: LocalStorage) -> None:
    store.set_alias("tiny", "latest", "1.1.0")
    assert (store.root / "tiny/latest").readlink() == Path("v1.1.0")


@pytest.mark.parametrize("text", ["v1.0.0\n", "1.0.0", " v1.0.0 \r\n"])
def test_a_text_file_is_an_alias_too(store: LocalStorage, text: str) -> None:
    (store.root / "tiny/stable").write_text(text)
    assert store.resolve("tiny", "stable") == "1.0.0"


@pytest.mark.parametrize("target", ["/etc", "../../elsewhere", "v1.0.0/..", "latest"])
def test_a_symlink_that_leads_elsewhere_is_no_alias(store: LocalStorage, target: str) -> None:
    (store.root / "tiny/stable").symlink_to(target)
    with pytest.raises(InvalidReference, match="which is no version"):
        store.resolve("tiny", "stable")


def test_an_alias_of_a_version_that_is_gone(store: LocalStorage) -> None:
    (store.root / "tiny/stable").symlink_to("v0.9.0")
    with pytest.raises(ModelNotFound, match=r"no version 0\.9\.0"):
        store.resolve("tiny", "stable")


def test_what_lies_about_is_no_model(store: LocalStorage, tmp_path: Path) -> None:
    (store.root / "lost+found").mkdir()
    (store.root / "empty").mkdir()
    (store.root / "README").write_text("read me")
    (store.root / "tiny/v1").mkdir()
    (store.root / "tiny/1.2.0").mkdir()
    (store.root / "tiny/v01.0.0").mkdir()
    (store.root / "tiny/v3.0.0").symlink_to(tmp_path)
    assert store.names() == ["tiny"]
    assert store.versions("tiny") == ["1.0.0", "1.1.0"]


def test_fetching_copies_nothing(store: LocalStorage, tmp_path: Path) -> None:
    fetched = store.fetch("tiny", "1.0.0", tmp_path / "cache")
    assert fetched.directory == store.root / "tiny/v1.0.0"
    assert not (tmp_path / "cache").exists()


def test_a_volume_that_is_not_mounted(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="is the volume mounted"):
        open_storage(f"file://{tmp_path}/absent").names()


def test_spaces_in_the_address(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    assert open_storage(f"file://{tmp_path}/a%20b").names() == []
    assert open_storage(str(tmp_path / "a b")).names() == []


def test_publishing_leaves_nothing_behind(store: LocalStorage) -> None:
    left = {path.name for path in (store.root / "tiny").iterdir()}
    assert left == {"v1.0.0", "v1.1.0"}


def test_what_is_published_can_be_read_by_another_user(
    tmp_path: Path, make_version: MakeVersion
) -> None:
    """Given a publisher whose files are its own alone: servers are another user."""
    before = os.umask(0o077)
    try:
        storage = LocalStorage(tmp_path / "new" / "store")
        storage.mark_scratch()
        version = make_version()
        (version / "tables").mkdir()
        (version / "tables" / "words.txt").write_text("yes no")
        write_checksums(version)
        storage.publish(version, "tiny", "1.0.0")
        storage.set_signatures("tiny", "1.0.0", b"signed")
        storage.set_alias("tiny", "latest", "1.0.0")
    finally:
        os.umask(before)
    for path in (storage.root.parent, storage.root, *storage.root.rglob("*")):
        needed = 0o755 if path.is_dir() else 0o644
        assert path.stat().st_mode & needed == needed, path


KILLED = """
import os, shutil, sys
from pathlib import Path
from transit_models.storage.local import LocalStorage
whole = shutil.copytree
shutil.copytree = lambda *given, **more: (whole(*given, **more), os.kill(os.getpid(), 9))
LocalStorage(Path(sys.argv[1])).publish(Path(sys.argv[2]), "tiny", sys.argv[3])
"""


def test_what_a_killed_publisher_has_left_is_seen_by_nobody_and_discarded(
    store: LocalStorage, make_version: MakeVersion
) -> None:
    for version in ("1.2.0", "1.2.0-rc.1"):
        given = [str(store.root), str(make_version("tiny", version)), version]
        assert subprocess.run([sys.executable, "-c", KILLED, *given], check=False).returncode == -9
    assert store.versions("tiny") == ["1.0.0", "1.1.0"]
    store.publish(make_version("tiny", "1.2.0", b"other"), "tiny", "1.2.0")
    store.discard("tiny", "1.2.0")
    left = [path.name for path in (store.root / "tiny").glob(".publish-*")]
    assert len(left) == 1
    assert left[0].startswith(".publish-v1.2.0-rc.1-"), "of another version"
    with pytest.raises(VersionConflict, match="nothing is left over"):
        store.discard("tiny", "1.2.0")


def test_many_set_an_alias_at_once(store: LocalStorage) -> None:
    """Each from a container of its own, where processes have the same numbers."""
    versions = ["1.0.0", "1.1.0"] * 50
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda version: store.set_alias("tiny", "latest", version), versions))
    assert store.resolve("tiny", "latest") in versions
    assert {path.name for path in (store.root / "tiny").iterdir()} == {"latest", "v1.0.0", "v1.1.0"}
