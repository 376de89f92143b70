"""How a version gets out of objects: several files at once, hashed while they are written.

What was brought when a download broke off stays beside the target, under the digest of what is
wanted, and the next one goes on from there. Memory is bounded, whatever the files' size: a few
pieces of a few files. Neighbours: a `source` brings pieces, ahead of who takes them; `storage` has
the cache's lock, so nobody else is at work here.
"""

import hashlib
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transit_models.errors import IntegrityError, StorageUnavailable
from transit_models.integrity import CHECKSUMS, SIGNATURES, check_relative, read_checksums
from transit_models.storage.objects.pieces import PARALLEL, PIECE
from transit_models.storage.objects.source import Source


def download(store: Source, folder: str, published: bytes, target: Path) -> Mapping[str, str]:
    """Bring all that `published`, the checksums of `folder`, lists; returns name → SHA-256.

    `target` is whole or not there. Raises `IntegrityError` for a file that is not what it should
    be, is missing or is not listed, and `StorageUnavailable`.
    """
    try:
        return _download(store, folder, published, target)
    except OSError as error:
        raise StorageUnavailable(
            f"cannot keep {store.uri}/{folder} in {target}: {error}"
        ) from error


def _download(store: Source, folder: str, published: bytes, target: Path) -> Mapping[str, str]:
    part = target.with_name(f".fetch-{target.name}-{hashlib.sha256(published).hexdigest()[:16]}")
    for other in target.parent.glob(f".fetch-{target.name}-*"):
        if other != part:  # of a content that is no longer asked for
            shutil.rmtree(other)
    part.mkdir(exist_ok=True)
    (part / CHECKSUMS).write_bytes(published)
    listed = read_checksums(part)
    sizes = _sizes(store, folder, listed)

    def bring(name: str) -> None:
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _bring(store, folder + name, path, sizes.get(name), listed[name])

    pool = ThreadPoolExecutor(PARALLEL)
    try:
        list(pool.map(bring, sorted(listed, key=lambda name: -sizes.get(name, 0))))
    finally:
        pool.shutdown(cancel_futures=True)  # one failure is enough
    if signatures := store.read(folder + SIGNATURES):
        (part / SIGNATURES).write_bytes(signatures)
    if target.exists():
        shutil.rmtree(target)
    part.rename(target)
    return listed


def _sizes(store: Source, folder: str, listed: Mapping[str, str]) -> Mapping[str, int]:
    """How large each file is, where the store lists them."""
    if not store.lists:
        return {}
    sizes = store.keys(folder)
    for name in sorted(sizes.keys() - listed.keys() - {CHECKSUMS, SIGNATURES}):
        raise IntegrityError(
            check_relative(name),
            f"a line in {CHECKSUMS}",
            "none",
            "Somebody added the file after publishing.",
        )
    for name in sorted(listed.keys() - sizes.keys()):
        raise IntegrityError(name, listed[name], "no such file", "Publish the version again.")
    return sizes


def _bring(store: Source, name: str, path: Path, size: int | None, expected: str) -> None:
    """Write `name` to `path`, going on where an earlier download broke off."""
    begun = path.stat().st_size if size is not None and path.is_file() else 0
    found = _written(store, name, path, size, begun)
    if found != expected and begun:  # what was there was no part of it
        found = _written(store, name, path, size, 0)
    if found != expected:
        path.unlink()
        raise IntegrityError(
            path.name,
            expected,
            found,
            "The file was changed or cut off: publish the version again.",
        )


def _written(store: Source, name: str, path: Path, size: int | None, begun: int) -> str:
    sha256 = hashlib.sha256()
    with path.open("r+b" if begun else "wb") as file:
        left = begun
        while left and (there := file.read(min(PIECE, left))):
            sha256.update(there)
            left -= len(there)
        for chunk in store.chunks(name, begun, size):
            sha256.update(chunk)
            file.write(chunk)
    return sha256.hexdigest()
