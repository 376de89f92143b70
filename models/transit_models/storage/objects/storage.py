"""The model store elsewhere, and among objects, whatever kind of storage has them.

Neighbours: `objects` has the operations, `publishing` writes versions and `downloading` brings
them; `storage.copies` keeps them here; `storage.oci` is another one that is elsewhere. Among
objects a version counts as published once its `checksum.sha256` is there, which is written last.
"""

import hashlib
from pathlib import Path

from transit_models.errors import (
    ContentChanged,
    InvalidReference,
    ModelNotFound,
)
from transit_models.integrity import CHECKSUMS, SIGNATURES, VerifiedVersion, verify_version
from transit_models.storage.copies import Copies
from transit_models.storage.objects.downloading import download
from transit_models.storage.objects.objects import Objects
from transit_models.storage.objects.publishing import discard, is_scratch, publish
from transit_models.storage.objects.source import Source
from transit_models.storage.publishing import MARKER, SCRATCH
from transit_models.storage.resolution import (
    missing_alias,
    missing_model,
    missing_version,
    unfinished,
)
from transit_models.versions import (
    ALIASES,
    check_alias,
    check_name,
    directory_name,
    is_name,
    is_version,
    parse_version,
    plain,
)

_MAX_ALIAS_BYTES = 128


class RemoteStorage(Copies):
    """What is the same of every `Storage` of the layout that is elsewhere: how it is read."""

    def __init__(self, objects: Source) -> None:
        self.objects = objects

    @property
    def uri(self) -> str:
        """The address it was opened with."""
        return self.objects.uri

    def names(self) -> list[str]:
        """See `Storage.names`."""
        self._must_list()
        return sorted(name for name in self.objects.folders() if is_name(name))

    def versions(self, name: str) -> list[str]:
        """See `Storage.versions`."""
        self._must_list()
        folders = (
            key.removesuffix("/" + CHECKSUMS)
            for key in self.objects.keys(check_name(name) + "/")
            if key.count("/") == 1 and key.endswith("/" + CHECKSUMS)
        )
        found = [
            folder[1:]
            for folder in folders
            if folder.startswith("v")
            and is_version(folder[1:])
            and folder == directory_name(folder)
        ]
        if not found:
            raise missing_model(self.uri, name, self.names())
        return sorted(found, key=parse_version)

    def aliases(self, name: str) -> dict[str, str]:
        """See `Storage.aliases`."""
        found = {alias: self._alias(check_name(name), alias) for alias in ALIASES}
        return {alias: version for alias, version in found.items() if version is not None}

    def resolve(self, name: str, version_or_alias: str) -> str:
        """See `Storage.resolve`."""
        if is_version(version_or_alias):
            version = plain(version_or_alias)
        else:
            target = self._alias(check_name(name), check_alias(version_or_alias))
            if target is None and not self.objects.lists:
                raise ModelNotFound(f"{self.uri} has no {name}/{version_or_alias}")
            if target is None:
                raise missing_alias(self.uri, name, version_or_alias, self.versions(name))
            version = target
        self._published(name, version)
        return version

    def digest(self, name: str, version: str) -> str:
        """See `Storage.digest`."""
        return hashlib.sha256(self._published(name, version)).hexdigest()

    def _fetch(
        self,
        name: str,
        version: str,
        target: Path,
        digest: str | None,
        cached: VerifiedVersion | None,
    ) -> VerifiedVersion:
        published = self._published(name, version)
        found = hashlib.sha256(published).hexdigest()
        if digest is not None and digest != found:
            raise ContentChanged(self.uri, name, version, digest, found)
        if cached and cached.digest == found:
            return cached
        hashed = download(self.objects, _folder(name, version), published, target)
        return verify_version(target, name, version, hashed)

    @property
    def scratch(self) -> bool:
        """See `Storage.scratch`."""
        return is_scratch(self.objects)

    def signatures(self, name: str, version: str) -> bytes:
        """See `Storage.signatures`."""
        return self.objects.read(_folder(name, version) + SIGNATURES) or b""

    def _must_list(self) -> None:
        if not self.objects.lists:
            raise InvalidReference(
                f"{self.uri} can't be asked for what it has: name each model and version"
            )

    def _alias(self, name: str, alias: str) -> str | None:
        """What the alias holds, as a plain version, or None when it is not set."""
        raw = self.objects.read(f"{name}/{alias}", _MAX_ALIAS_BYTES)
        if raw is None:
            return None
        text = raw.decode("utf-8", "replace").strip()
        if not is_version(text):
            raise InvalidReference(
                f"{self.uri}/{name}/{alias} holds {text[:80]!r}, which is no version: "
                f"set it again with transit-models alias {self.uri} {name} {alias} VERSION"
            )
        return plain(text)

    def _published(self, name: str, version: str) -> bytes:
        """The checksums of a version. Raises `ModelNotFound`, or `IntegrityError` when it is half
        published.
        """
        version = plain(version)
        folder = _folder(name, version)
        published = self.objects.read(folder + CHECKSUMS)
        if published is not None:
            return published
        if not self.objects.lists:
            raise ModelNotFound(f"{self.uri} has no {folder}{CHECKSUMS}")
        if self.objects.keys(folder):
            raise unfinished(self.uri, name, version)
        raise missing_version(self.uri, name, version, self.versions(name))


class ObjectStorage(RemoteStorage):
    """A `Storage` of `objects`."""

    objects: Objects

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)

    def publish(self, directory: Path, name: str, version: str, *, replace: bool = False) -> bool:
        """See `Storage.publish`, and `publishing`."""
        return publish(self.objects, directory, name, version, replace=replace)

    def discard(self, name: str, version: str) -> None:
        """See `Storage.discard`."""
        discard(self.objects, name, version)

    def mark_scratch(self) -> None:
        """See `Storage.mark_scratch`."""
        self.objects.put_new(MARKER, SCRATCH)

    def set_signatures(self, name: str, version: str, signatures: bytes) -> None:
        """See `Storage.set_signatures`."""
        folder = _folder(name, self.resolve(name, plain(version)))
        self.objects.put(folder + SIGNATURES, signatures)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """See `Storage.set_alias`."""
        check_alias(alias)
        target = directory_name(self.resolve(name, plain(version)))
        self.objects.put(f"{name}/{alias}", target.encode())


def _folder(name: str, version: str) -> str:
    return f"{check_name(name)}/{directory_name(version)}/"
