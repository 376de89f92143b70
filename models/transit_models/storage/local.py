"""The model store in a directory: a checkout, a mounted volume claim, a path on the node.

Neighbours: `protocol` says what it can do. Everything appears at once: versions by
renaming a finished directory, aliases by replacing a symlink.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transit_models.errors import InvalidReference, StorageUnavailable
from transit_models.integrity import (
    CHECKSUMS,
    SIGNATURES,
    VerifiedVersion,
    digest_of,
    verify_version,
)
from transit_models.storage.folders import let_read, make_folder, scratch_of, scratches_of
from transit_models.storage.publishing import (
    MARKER,
    SCRATCH,
    claimed,
    no_scratch,
    published,
    says_scratch,
    taken,
)
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


class LocalStorage:
    """A `Storage` in the directory `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def uri(self) -> str:
        """`file:///root`."""
        return self.root.as_uri()

    def names(self) -> list[str]:
        """See `Storage.names`."""
        with self._available():
            if not self.root.is_dir():
                raise StorageUnavailable(f"{self.root} is no directory: is the volume mounted?")
            return sorted(
                entry.name
                for entry in self.root.iterdir()
                if is_name(entry.name) and entry.is_dir() and self._versions(entry.name)
            )

    def versions(self, name: str) -> list[str]:
        """See `Storage.versions`."""
        with self._available():
            versions = self._versions(check_name(name))
        if not versions:
            raise missing_model(self.uri, name, self.names())
        return versions

    def aliases(self, name: str) -> dict[str, str]:
        """See `Storage.aliases`."""
        with self._available():
            found = {alias: self._alias(check_name(name), alias) for alias in ALIASES}
        return {alias: version for alias, version in found.items() if version is not None}

    def resolve(self, name: str, version_or_alias: str) -> str:
        """See `Storage.resolve`."""
        with self._available():
            versions = self._versions(check_name(name))
        if not versions and not (self.root / name).is_dir():
            raise missing_model(self.uri, name, self.names())
        if is_version(version_or_alias):
            version = plain(version_or_alias)
        else:
            with self._available():
                target = self._alias(name, check_alias(version_or_alias))
            if target is None:
                raise missing_alias(self.uri, name, version_or_alias, versions)
            version = target
        if version not in versions:
            if (self.root / name / directory_name(version)).is_dir():
                raise unfinished(self.uri, name, version)
            raise missing_version(self.uri, name, version, versions)
        return version

    def digest(self, name: str, version: str) -> str:
        """See `Storage.digest`."""
        with self._available():
            return digest_of(self._directory(name, version))

    def fetch(
        self,
        name: str,
        version: str,
        into: Path,
        digest: str | None = None,
        *,
        copy: bool = False,
    ) -> VerifiedVersion:
        """See `Storage.fetch`: in the store itself, or a copy in `into`."""
        version = plain(version)
        directory = self._directory(name, version)
        if copy:
            directory = _copied(directory, into / name / directory_name(version))
        with self._available():
            return verify_version(directory, name, version)

    def publish(self, directory: Path, name: str, version: str, *, replace: bool = False) -> bool:
        """See `Storage.publish`."""
        version = verify_version(directory, name, version).metadata.version
        target = self.root / check_name(name) / directory_name(version)
        with self._available():
            if target.exists():
                if self._has(target, directory):
                    return False
                if not (target / CHECKSUMS).is_file():
                    raise claimed(self.uri, name, version)
                if not replace:
                    raise taken(self.uri, name, version, scratch=self.scratch)
            if replace and not self.scratch:
                raise no_scratch(self.uri, name, version)
            make_folder(target.parent)
            with tempfile.TemporaryDirectory(
                prefix=scratch_of(target), dir=target.parent
            ) as scratch:
                whole = Path(scratch) / "new"
                shutil.copytree(directory, whole, symlinks=True)
                verify_version(whole, name, version)
                for path in (whole, *whole.rglob("*")):
                    let_read(path)
                if replace and target.exists():
                    target.rename(Path(scratch) / "old")
                try:
                    whole.rename(target)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    if self._has(target, directory):  # another publisher was first
                        return False
                    raise taken(self.uri, name, version, scratch=self.scratch) from None
        return True

    def discard(self, name: str, version: str) -> None:
        """See `Storage.discard`."""
        target = self.root / check_name(name) / directory_name(version)
        with self._available():
            left = scratches_of(target)
            for path in left:
                shutil.rmtree(path)
            if (target / CHECKSUMS).is_file():
                if not left:
                    raise published(self.uri, name, plain(version))
            elif target.is_dir():
                shutil.rmtree(target)

    @property
    def scratch(self) -> bool:
        """See `Storage.scratch`."""
        with self._available():
            marker = self.root / MARKER
            return says_scratch(marker.read_bytes() if marker.is_file() else None)

    def mark_scratch(self) -> None:
        """See `Storage.mark_scratch`."""
        with self._available():
            make_folder(self.root)
            (self.root / MARKER).write_bytes(SCRATCH)
            let_read(self.root / MARKER)

    def _has(self, target: Path, directory: Path) -> bool:
        """Whether `target` is published with the content of `directory`."""
        checksums = target / CHECKSUMS
        return (
            checksums.is_file() and checksums.read_bytes() == (directory / CHECKSUMS).read_bytes()
        )

    def signatures(self, name: str, version: str) -> bytes:
        """See `Storage.signatures`."""
        with self._available():
            path = self._directory(name, version) / SIGNATURES
            return path.read_bytes() if path.is_file() else b""

    def set_signatures(self, name: str, version: str, signatures: bytes) -> None:
        """See `Storage.set_signatures`."""
        with self._available():
            path = self._directory(name, version) / SIGNATURES
            with tempfile.TemporaryDirectory(prefix=".signing-", dir=path.parents[1]) as scratch:
                whole = Path(scratch) / "new"
                whole.write_bytes(signatures)
                let_read(whole)
                whole.replace(path)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """See `Storage.set_alias`. On a file system without symlinks it becomes a text file."""
        check_alias(alias)
        target = directory_name(self.resolve(name, plain(version)))
        path = self.root / name / alias
        with (
            self._available(),
            tempfile.TemporaryDirectory(prefix=f".{alias}-", dir=path.parent) as scratch,
        ):
            whole = Path(scratch) / "new"
            try:
                whole.symlink_to(target)
            except OSError:
                whole.write_text(target + "\n", encoding="utf-8")
                let_read(whole)
            whole.replace(path)

    def _directory(self, name: str, version: str) -> Path:
        return self.root / name / directory_name(self.resolve(name, plain(version)))

    def _versions(self, name: str) -> list[str]:
        """The versions that are there, lowest first; [] when there is no such model."""
        try:
            entries = list((self.root / name).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = [
            entry.name[1:]
            for entry in entries
            if entry.name.startswith("v")
            and is_version(entry.name[1:])
            and entry.name == directory_name(entry.name)
            and (entry / CHECKSUMS).is_file()
            and not entry.is_symlink()
        ]
        return sorted(found, key=parse_version)

    def _alias(self, name: str, alias: str) -> str | None:
        """What the alias holds, as a plain version, or None when it is not set."""
        path = self.root / name / alias
        try:
            if path.is_symlink():
                text = os.readlink(path).removeprefix("./").rstrip("/")
            else:
                with path.open("rb") as file:
                    text = file.read(_MAX_ALIAS_BYTES).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return None
        if not is_version(text):
            raise InvalidReference(
                f"{path} holds {text[:80]!r}, which is no version: "
                f"set it again with transit-models alias {self.uri} {name} {alias} VERSION"
            )
        return plain(text)

    @contextmanager
    def _available(self) -> Iterator[None]:
        """Turn what the file system says into `StorageUnavailable`."""
        try:
            yield
        except OSError as error:
            raise StorageUnavailable(f"{self.uri}: {error}") from error


def _copied(directory: Path, target: Path) -> Path:
    if directory == target:
        return directory
    try:
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(directory, target, symlinks=True)
    except (OSError, shutil.Error) as error:
        raise StorageUnavailable(f"{directory} can't be copied to {target}: {error}") from error
    return target
