"""The cache that pods of a node share: it saves the second fetch, and is never believed.

Given a real MinIO, a cache that somebody else may write to, and pods that fetch at the same time.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from transit_models import IntegrityError, Storage, StorageUnavailable, open_storage
from transit_models.cli import main
from transit_models.integrity import CHECKSUMS, SIGNATURES, sha256_of, write_checksums
from transit_models.signing import Keys
from transit_models.storage.node_cache.cache import NodeCache
from transit_models.storage.node_cache.fetching import Asked, Brought, fetch_through
from transit_models.storage.node_cache.report import read_report
from transit_models.storage.node_cache.turns import turn

from .conftest import MakeVersion
from .test_downloading import Wire

pytestmark = pytest.mark.timeout(120)

KEYS = Path(__file__).parents[1] / "keys"
LIMIT = 1 << 30
NOWHERE = "http://127.0.0.1:9"


class Node:
    """A node with a cache, on which one pod after the other starts with `name`."""

    def __init__(self, store: str, root: Path) -> None:
        self.store = store
        self.root = root
        self.cache = NodeCache(root / "cache", LIMIT, wait=30)
        self.pods = 0

    @property
    def storage(self) -> Storage:
        return open_storage(self.store)

    def digest(self, name: str = "tiny") -> str:
        return self.storage.digest(name, "1.0.0")

    def entry(self, name: str = "tiny") -> Path:
        return self.root / "cache" / self.digest(name)

    def pod(self, name: str = "tiny", keys: Keys | None = None) -> Brought:
        """Bring the version into the directory of one more pod."""
        self.pods += 1
        into = self.root / f"pod-{self.pods}"
        return fetch_through(
            self.cache, self.storage, Asked(name, "1.0.0", self.digest(name), into, keys)
        )


@pytest.fixture
def node(bucket: str, make_version: MakeVersion, tmp_path: Path) -> Node:
    open_storage(bucket).publish(make_version(), "tiny", "1.0.0")
    return Node(bucket, tmp_path)


def test_the_second_pod_needs_no_store(
    node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, digest = node.pod(), node.digest()
    assert (first.result, first.problem) == ("miss", "")
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    asked = Asked("tiny", "1.0.0", digest, tmp_path / "second")
    second = fetch_through(node.cache, node.storage, asked)
    assert second.result == "hit"
    assert second.version.digest == digest
    assert (second.version.directory / "model.json").read_bytes() == b"weights"
    assert second.version.directory == tmp_path / "second/tiny/v1.0.0"


def test_of_many_that_start_at_once_one_fetches(
    bucket: str,
    s3_environment: str,
    make_version: MakeVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version, size = make_version(), 8 << 20
    (version / "weights.bin").write_bytes(os.urandom(size))
    write_checksums(version)
    node = Node(bucket, tmp_path)
    node.storage.publish(version, "tiny", "1.0.0")
    digest = node.digest()
    wire = Wire(int(s3_environment.rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{wire.port}")

    def start(number: int) -> Brought:
        asked = Asked("tiny", "1.0.0", digest, tmp_path / f"at-once-{number}")
        return fetch_through(node.cache, node.storage, asked)

    with ThreadPoolExecutor(5) as pods:
        done = list(pods.map(start, range(5)))
    wire.close()
    assert sorted(one.result for one in done) == ["hit"] * 4 + ["miss"]
    assert wire.carried < 2 * size, "more than one has fetched it"


def _flipped(entry: Path) -> None:
    model = entry / hashlib.sha256(b"weights").hexdigest()
    model.write_bytes(b"weighed")


def _cut_off(entry: Path) -> None:
    (entry / hashlib.sha256(b"weights").hexdigest()).write_bytes(b"wei")


def _missing(entry: Path) -> None:
    (entry / hashlib.sha256(b"weights").hexdigest()).unlink()


def _link(entry: Path) -> None:
    model = entry / hashlib.sha256(b"weights").hexdigest()
    model.rename(entry / "moved")
    model.symlink_to("moved")


def _pipe(entry: Path) -> None:
    model = entry / hashlib.sha256(b"weights").hexdigest()
    model.unlink()
    os.mkfifo(model)


def _endless(entry: Path) -> None:
    with (entry / hashlib.sha256(b"weights").hexdigest()).open("r+b") as file:
        file.truncate(1 << 40)


def _other_version(entry: Path) -> None:
    (entry / "evil").write_bytes(b"code")
    (entry / "evil").rename(entry / sha256_of(entry / "evil"))
    lines = (
        (entry / CHECKSUMS)
        .read_text()
        .replace(hashlib.sha256(b"weights").hexdigest(), hashlib.sha256(b"code").hexdigest())
    )
    (entry / CHECKSUMS).write_text(lines)


def _no_version(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.mkdir()


@pytest.mark.parametrize(
    "harm",
    [_flipped, _cut_off, _missing, _link, _pipe, _endless, _other_version, _no_version],
)
def test_what_somebody_did_to_it_is_found_and_mended(
    node: Node, harm: Callable[[Path], None]
) -> None:
    node.pod()
    harm(node.entry())
    second = node.pod()
    assert second.result == "miss"
    assert "is not used" in second.problem
    assert (second.version.directory / "model.json").read_bytes() == b"weights"
    assert node.pod().result == "hit", "it was not mended"


def test_what_changes_while_it_is_copied_gets_nothing_in(node: Node) -> None:
    """What is verified is what was written, not what can be read of the cache a moment later."""
    node.pod()
    model, ended = node.entry() / hashlib.sha256(b"weights").hexdigest(), threading.Event()

    def change() -> None:
        while not ended.is_set():
            for content in (b"weights", b"hostile"):
                with model.open("r+b") as file:
                    file.write(content)

    hostile = threading.Thread(target=change)
    hostile.start()
    refused, read, digest = 0, set(), node.digest()
    for _ in range(300):
        try:
            node.cache.take(digest, node.root / "taken")
        except IntegrityError:
            refused += 1
        else:
            read.add((node.root / "taken" / "model.json").read_bytes())
    ended.set()
    hostile.join()
    assert refused > 0
    assert read <= {b"weights"}


def test_who_is_killed_keeps_nobody_waiting(node: Node) -> None:
    digest = node.digest()
    code = """
import sys
from pathlib import Path
from transit_models.storage.node_cache.cache import NodeCache
cache = NodeCache(Path(sys.argv[1]), 1 << 30)
with cache.turn(sys.argv[2]):
    part = Path(sys.argv[1]) / f".part-{sys.argv[2]}-half"
    part.mkdir()
    (part / "checksum.sha256").write_text("half of it")
    print("mine", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", code, str(node.root / "cache"), digest]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        other.send_signal(signal.SIGKILL)
    assert node.pod().result == "miss"
    assert node.pod().result == "hit"
    assert not list((node.root / "cache").glob(".part-*"))


def test_who_never_ends_is_not_waited_for(node: Node) -> None:
    node.cache = NodeCache(node.root / "cache", LIMIT, wait=0.2)
    with node.cache.turn(node.digest()):
        found = node.pod()
    assert (found.result, found.version.metadata.version) == ("failed", "1.0.0")
    assert "another pod" in found.problem


def test_those_that_were_used_least_recently_make_room(
    node: Node, make_version: MakeVersion, tmp_path: Path
) -> None:
    for number, name in enumerate(("one", "two", "three")):
        version = make_version(name, content=bytes([number]) * 100_000)
        node.storage.publish(version, name, "1.0.0")
    node.cache = NodeCache(node.root / "cache", 450_000)
    for name in ("one", "two"):
        node.pod(name)
    os.utime(node.entry("one"), (1, 1))
    os.utime(node.entry("two"), (2, 2))
    assert node.pod("one").result == "hit"  # so two is the older one now
    (tmp_path / "cache" / f".part-{'0' * 64}-dead").mkdir()
    assert node.pod("three").result == "miss"
    assert [node.entry(name).is_dir() for name in ("one", "two", "three")] == [True, False, True]
    assert not list((node.root / "cache").glob(".[pg]*")), "what the dead have left"
    there = (node.root / "cache").glob("*/*")
    assert sum(file.stat().st_size for file in there) <= 450_000


def test_what_is_larger_than_the_cache_is_fetched_all_the_same(node: Node) -> None:
    node.cache = NodeCache(node.root / "cache", 10)
    found = node.pod()
    assert found.result == "failed"
    assert "more than the cache may have (10)" in found.problem


@contextmanager
def _no_directory(root: Path) -> Iterator[Path]:
    (root / "file").write_text("")
    yield root / "file"


@contextmanager
def _nothing_to_write_in(root: Path) -> Iterator[Path]:
    yield Path("/proc/none/cache")


@contextmanager
def _room_is_taken(root: Path) -> Iterator[Path]:
    (root / "busy").mkdir()
    (root / "busy" / ".lock-room").mkdir()  # can't be opened as a lock
    yield root / "busy"


@pytest.mark.parametrize("broken", [_no_directory, _nothing_to_write_in, _room_is_taken])
def test_a_cache_that_is_of_no_use_costs_no_start(
    node: Node, broken: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
) -> None:
    with broken(tmp_path) as root:
        node.cache = NodeCache(root, LIMIT)
        found = node.pod()
    assert (found.result, found.version.metadata.version) == ("failed", "1.0.0")
    assert found.problem


def test_a_signature_is_asked_for_of_what_is_cached_too(node: Node) -> None:
    keys = Keys({"release": (KEYS / "release.pub").read_text()})
    node.pod()  # kept before anybody had signed it
    command = ["sign", node.store, "tiny@1.0.0", "--key", str(KEYS / "release.pem")]
    assert main(command) == 0
    signed = node.pod(keys=keys)
    assert (signed.result, signed.version.signed_by) == ("miss", "release")
    assert node.pod(keys=keys).result == "hit"
    (node.entry() / SIGNATURES).write_bytes(b"")
    assert node.pod(keys=keys).result == "miss"


def test_the_command_brings_what_it_can_and_leaves_word(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, known = tmp_path / "into", f"tiny@1.0.0={node.digest()}"
    cache = ("--node-cache", str(tmp_path / "cache"), "--size", "1Gi")
    assert main(["fetch", node.store, known, "--into", str(into), *cache]) == 0
    missing = f"none@1.0.0={'0' * 64}"
    assert main(["fetch", node.store, missing, known, "--into", str(into), *cache]) == 1
    (told,) = read_report(into)
    assert (told.name, told.version, told.result) == ("tiny", "1.0.0", "hit")
    assert "taken from the node's cache" in capsys.readouterr().err
    assert main(["fetch", node.store, "tiny@1.0.0", "--into", str(tmp_path / "plain")]) == 0
    assert (tmp_path / "plain/tiny/v1.0.0/model.json").is_file()


def test_without_cache_and_store_it_is_the_stores_error(
    node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = Asked("tiny", "1.0.0", node.digest(), tmp_path / "pod")
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    with pytest.raises(StorageUnavailable):
        fetch_through(node.cache, node.storage, asked)
    with turn(tmp_path / "cache" / f".lock-{asked.digest[:2]}") as free:
        assert free, "the turn was not given back"
