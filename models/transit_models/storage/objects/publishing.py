"""How a version gets among objects, whoever else publishes it at the same time.

Who comes first claims the version for its content (a conditional put of the digest); nobody else
may write another content then, and anybody may finish that one. Files follow, and last
`checksum.sha256`, again by a conditional put: readers see nothing before. The claim stays. Files
that somebody changes while they are sent are found before that.
Neighbours: `objects` has the operations, `storage.publishing` the words.
"""

from pathlib import Path

from transit_models.errors import IntegrityError, StorageUnavailable
from transit_models.integrity import CHECKSUMS, verify_version
from transit_models.storage.objects.objects import Objects
from transit_models.storage.objects.source import Source
from transit_models.storage.publishing import (
    MARKER,
    claimed,
    no_scratch,
    published,
    says_scratch,
    taken,
)
from transit_models.versions import check_name, directory_name, plain


def publish(store: Objects, directory: Path, name: str, version: str, *, replace: bool) -> bool:
    """See `Storage.publish`."""
    verified = verify_version(directory, name, version)
    version = verified.metadata.version
    folder, manifest = _folder(name, version), (directory / CHECKSUMS).read_bytes()
    there = store.read(folder + CHECKSUMS)
    if there == manifest:
        return False
    if there is not None:
        if not replace:
            raise taken(store.uri, name, version, scratch=is_scratch(store))
        _withdraw(store, name, version)
    elif replace and not is_scratch(store):
        raise no_scratch(store.uri, name, version)
    _claim(store, name, version, verified.digest)
    if store.read(folder + CHECKSUMS) not in (None, manifest):  # by who knows no claims
        store.delete(_claim_of(name, version))
        raise taken(store.uri, name, version, scratch=False)
    files = {
        folder + path.relative_to(directory).as_posix(): path
        for path in directory.rglob("*")
        if path.is_file()
    }
    del files[folder + CHECKSUMS]
    for key in store.keys(folder):  # of a content that was given up
        if folder + key not in files and key != CHECKSUMS:
            store.delete(folder + key)
    store.upload(files)
    if verify_version(directory, name, version).digest != verified.digest:
        raise IntegrityError(
            CHECKSUMS, verified.digest, "other content", "It was changed while it was published."
        )
    if not store.put_new(folder + CHECKSUMS, manifest):
        if store.read(folder + CHECKSUMS) != manifest:
            raise taken(store.uri, name, version, scratch=False)
        return False
    return True


def is_scratch(store: Source) -> bool:
    """See `Storage.scratch`."""
    return says_scratch(store.read(MARKER))


def discard(store: Objects, name: str, version: str) -> None:
    """See `Storage.discard`."""
    folder = _folder(name, plain(version))
    if store.read(folder + CHECKSUMS) is not None:
        raise published(store.uri, name, plain(version))
    for key in store.keys(folder):
        store.delete(folder + key)
    store.delete(_claim_of(name, plain(version)))


def _withdraw(store: Objects, name: str, version: str) -> None:
    """Take a version out of a scratch store; its checksums first, so nobody reads half of it."""
    if not is_scratch(store):
        raise no_scratch(store.uri, name, version)
    store.delete(_folder(name, version) + CHECKSUMS)
    store.delete(_claim_of(name, version))


def _claim(store: Objects, name: str, version: str, digest: str) -> None:
    """Be the first, or find that somebody was who has the same content."""
    claim, ours = _claim_of(name, version), digest.encode()
    if store.put_new(claim, ours):
        if store.put_new(claim, ours):
            store.delete(claim)
            raise StorageUnavailable(
                f"{store.uri} ignores If-None-Match, so that two publishers of one version could "
                "mix their files: publish to a storage that knows conditional writes"
            )
        return
    if store.read(claim) != ours:
        raise claimed(store.uri, name, version)


def _folder(name: str, version: str) -> str:
    return f"{check_name(name)}/{directory_name(version)}/"


def _claim_of(name: str, version: str) -> str:
    return f"{check_name(name)}/.claims/{directory_name(version)}"
