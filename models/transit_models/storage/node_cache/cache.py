"""The layout of a node's cache, and what may be done with it: take a version, keep one, drop one.

    ROOT/DIGEST/            a version, found by the SHA-256 over its checksum.sha256
    ROOT/DIGEST/SHA256      each of its files, by its own: no names, no directories below
    ROOT/.part-DIGEST-…     one that is being written, renamed when it is whole
    ROOT/.lock-XX           who fetches versions whose digest begins so; .lock-room: who makes room

Anybody may have written anything there, so what is opened is a regular file and no link, no more is
read than a cache may have, and every byte is hashed as it is copied. Neighbour: `fetching`.
"""

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from transit_models.errors import IntegrityError
from transit_models.integrity import CHECKSUMS, SIGNATURES, read_checksums
from transit_models.storage.node_cache.room import GONE, NoRoom, make_room, remove
from transit_models.storage.node_cache.turns import turn

WAIT = 120.0  # for another pod that fetches the same version; then each does so on its own
_ROOM_WAIT = 10.0
_SMALL = 16 * 1024 * 1024
_PIECE = 1024 * 1024
_PARALLEL = 4
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"\.part-([0-9a-f]{64})-.*")


class NodeCache:
    """The cache in the directory `root`, which may have `limit` bytes."""

    def __init__(self, root: Path, limit: int, wait: float = WAIT) -> None:
        self._root = root
        self._limit = limit
        self._wait = wait

    def has(self, digest: str) -> bool:
        """Whether there is something under that digest."""
        return (self._root / digest).is_dir()

    def take(self, digest: str, target: Path) -> Mapping[str, str] | None:
        """Copy a version to `target`, which is whole or not there; returns name → SHA-256.

        None: it isn't there. Raises `IntegrityError` for what isn't the content of that digest, and
        `OSError`.
        """
        entry = self._root / digest
        whole = target.with_name(f".take-{target.name}")
        shutil.rmtree(whole, ignore_errors=True)  # of a container that was killed
        whole.mkdir(parents=True)
        try:
            listed = self._copied(entry, digest, whole)
            with suppress(OSError):  # of a cache that can only be read
                os.utime(entry)
            if target.exists():
                shutil.rmtree(target)
            whole.rename(target)
        except FileNotFoundError:
            if self.has(digest):
                raise IntegrityError(digest, "a whole version", "a part of one") from None
            return None
        finally:
            shutil.rmtree(whole, ignore_errors=True)  # renamed, there is nothing
        return listed

    def turn(self, digest: str, *, anew: bool = False) -> AbstractContextManager[bool]:
        """Whether it is ours to bring that version, for as long as the block runs.

        It isn't when another pod has brought it meanwhile, or is still at it after a long wait.
        `anew`: what is there is of no use. Raises `OSError`.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        over = (lambda: False) if anew else (lambda: self.has(digest))
        return turn(self._lock(digest), self._wait, over)

    def keep(self, digest: str, directory: Path) -> None:
        """Put a verified version there. The caller has the turn of that digest.

        Raises `OSError`, and `NoRoom` of one that is larger than the cache.
        """
        for left in self._root.glob(f".part-{digest}-*"):  # by one that was killed
            remove(left)
        files = {sha: directory / name for name, sha in read_checksums(directory).items()}
        files[CHECKSUMS] = directory / CHECKSUMS
        if (directory / SIGNATURES).is_file():
            files[SIGNATURES] = directory / SIGNATURES
        sizes = {name: file.stat().st_size for name, file in files.items()}
        with turn(self._root / ".lock-room", _ROOM_WAIT) as mine:
            if not mine:
                raise NoRoom("other pods have made room all the time")
            make_room(*self._there(), self._is_abandoned, sum(sizes.values()), self._limit)
            part = Path(tempfile.mkdtemp(prefix=f".part-{digest}-", dir=self._root))
            part.chmod(0o755)
            for name, size in sizes.items():  # now they count, before a byte is there
                with (part / name).open("wb") as file:
                    file.truncate(size)
        try:
            for name, source in files.items():
                with source.open("rb") as found, (part / name).open("r+b") as written:
                    shutil.copyfileobj(found, written, _PIECE)
            if not self.has(digest):
                part.rename(self._root / digest)
        finally:
            shutil.rmtree(part, ignore_errors=True)  # renamed, there is nothing

    def drop(self, digest: str) -> None:
        """Remove what isn't what it should be. The caller has the turn. Raises `OSError`."""
        remove(self._root / digest)

    def _copied(self, entry: Path, digest: str, whole: Path) -> Mapping[str, str]:
        with _opened(entry / CHECKSUMS, _SMALL) as file:
            published = file.read(_SMALL)
        found = hashlib.sha256(published).hexdigest()
        if found != digest:
            raise IntegrityError(CHECKSUMS, digest, found)
        (whole / CHECKSUMS).write_bytes(published)
        listed = read_checksums(whole)
        sizes = {sha: (entry / sha).stat().st_size for sha in listed.values()}
        if sum(sizes.values()) > self._limit:  # it was not put there by one of us
            raise IntegrityError(digest, f"at most {self._limit} bytes", "more")

        def copy(item: tuple[str, str]) -> None:
            name, expected = item
            path = whole / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with _opened(entry / expected, sizes[expected]) as file, path.open("wb") as copied:
                sha = _hashed(file, copied, sizes[expected])
            if sha != expected:
                raise IntegrityError(name, expected, sha)

        pool = ThreadPoolExecutor(_PARALLEL)
        try:
            list(pool.map(copy, listed.items()))
        finally:
            pool.shutdown(cancel_futures=True)
        with suppress(FileNotFoundError), _opened(entry / SIGNATURES, _SMALL) as file:
            (whole / SIGNATURES).write_bytes(file.read(_SMALL))
        return listed

    def _there(self) -> tuple[list[Path], list[Path]]:
        """The versions, and those that are being written or removed."""
        there = list(self._root.iterdir())
        return (
            [path for path in there if _DIGEST.fullmatch(path.name)],
            [path for path in there if path.name.startswith((".part-", GONE))],
        )

    def _is_abandoned(self, part: Path) -> bool:
        written = _PART.fullmatch(part.name)
        if written is None:
            return True
        with turn(self._lock(written[1])) as free:
            return free

    def _lock(self, digest: str) -> Path:
        # A few for all versions: a lock of each would have to be removed, which nobody can do
        # without taking it from somebody who has just opened it.
        return self._root / f".lock-{digest[:2]}"


@contextmanager
def _opened(path: Path, limit: int) -> Iterator[BinaryIO]:
    """A regular file of at most `limit` bytes: no link, and nothing that keeps who opens it."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(opened, "rb") as file:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            raise IntegrityError(path.name, f"a file of at most {limit} bytes", "something else")
        yield file


def _hashed(file: BinaryIO, copied: BinaryIO, size: int) -> str:
    """Copy `size` bytes; returns the SHA-256 of what was written."""
    sha256 = hashlib.sha256()
    while size > 0 and (piece := file.read(min(_PIECE, size))):
        sha256.update(piece)
        copied.write(piece)
        size -= len(piece)
    return sha256.hexdigest()
