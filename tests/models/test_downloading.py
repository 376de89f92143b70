"""Large versions on a line that breaks: what was brought stays brought, and memory is bounded.

Given a real MinIO behind a wire that can be cut after so many bytes.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from transit_models import StorageUnavailable, fetch_verified, open_storage
from transit_models.integrity import write_checksums
from transit_models.storage.objects.pieces import PARALLEL, PIECE

from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(180)

MEGABYTE = 1024 * 1024
LARGE = 48 * MEGABYTE


class Wire:
    """A TCP connection to `port` on loopback, for as many bytes of answers as `left` says."""

    def __init__(self, port: int) -> None:
        self.left = 1 << 60
        self.carried = 0
        self._target = port
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for pair, answers in (((client, server), False), ((server, client), True)):
                    threading.Thread(target=self._carry, args=(*pair, answers), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers:
                    with self._lock:
                        data = data[: max(self.left, 0)]
                        self.left -= len(data)
                        self.carried += len(data)
                    if not data:
                        break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(s3_environment: str) -> Iterator[Wire]:
    found = Wire(int(s3_environment.rpartition(":")[2]))
    yield found
    found.close()


@pytest.fixture
def large(bucket: str, make_version: MakeVersion) -> str:
    """The address of a store whose version has one large file and a few small ones."""
    version = make_version()
    with (version / "weights.bin").open("wb") as file:
        for number in range(LARGE // MEGABYTE):
            file.write(number.to_bytes(1) * MEGABYTE)
    write_checksums(version)
    open_storage(bucket).publish(version, "tiny", "1.0.0")
    return bucket


def test_a_download_that_breaks_off_goes_on(
    large: str, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{wire.port}")
    storage = open_storage(large)
    wire.left = LARGE * 3 // 4
    with pytest.raises(StorageUnavailable, match="cannot be used"):
        storage.fetch("tiny", "1.0.0", tmp_path)
    assert not (tmp_path / "tiny/v1.0.0").exists(), "half of a version is seen"
    first, wire.left = wire.carried, 1 << 60
    found = fetch_verified(storage, "tiny", "1.0.0", tmp_path)
    assert (found.directory / "weights.bin").stat().st_size == LARGE
    ahead = PARALLEL * PIECE
    assert wire.carried - first < LARGE - first + 2 * ahead, "it began anew"
    assert [path.name for path in (tmp_path / "tiny").glob(".fetch-*")] == []


def test_what_is_left_of_another_content_is_no_part_of_this_one(
    large: str, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{wire.port}")
    storage = open_storage(large)
    wire.left = LARGE // 2
    with pytest.raises(StorageUnavailable):
        storage.fetch("tiny", "1.0.0", tmp_path)
    (part,) = (tmp_path / "tiny").glob(".fetch-*")
    with (part / "weights.bin").open("r+b") as file:
        file.write(b"spoilt")
    wire.left = 1 << 60
    fetch_verified(storage, "tiny", "1.0.0", tmp_path)


def test_memory_is_bounded_whatever_the_size(large: str, tmp_path: Path) -> None:
    """Of a process that fetches 48 MB in pieces: nothing like the file is in memory at once."""
    code = """
import resource, sys
from pathlib import Path
from transit_models import open_storage
storage = open_storage(sys.argv[1])
storage.resolve("tiny", "1.0.0")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
storage.fetch("tiny", "1.0.0", Path(sys.argv[2]))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    command = [sys.executable, "-c", code, large, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < PARALLEL * PIECE * 2.5
