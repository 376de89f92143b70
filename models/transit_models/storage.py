"""The model store: where versions of models live, wherever that is.

    ROOT/NAME/vX.Y.Z/   model.<ext>, metadata.json, checksum.sha256; where there are such,
                        preprocessing.pkl, performance_metrics.json, probe.npy
    ROOT/transit-store.json
                        {"scratch": true} where versions may be replaced
    ROOT/NAME/latest, ROOT/NAME/stable
                        aliases: a symlink locally; on S3 an object that holds "v1.1.0"

Neighbours: `storage_local` and `storage_s3` do it; `integrity` verifies what they bring; the server
calls `open_storage` and `fetch_verified`, people the command line.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from transit_models.errors import (
    ContentChanged,
    InvalidReference,
    SignatureError,
    StorageUnavailable,
)
from transit_models.integrity import VerifiedVersion, verify_version
from transit_models.signing import Keys, signer
from transit_models.versions import directory_name, plain


class Storage(Protocol):
    """A store of models. Every method may raise `StorageUnavailable`, and `InvalidReference` for
    names, versions or aliases that cannot be."""

    @property
    def uri(self) -> str:
        """The address it was opened with."""

    def names(self) -> list[str]:
        """The names of all models, sorted. Empty when there are none."""

    def versions(self, name: str) -> list[str]:
        """All versions of `name` that are published completely, plain (`1.10.0`), lowest first.
        Raises `ModelNotFound`.
        """

    def aliases(self, name: str) -> dict[str, str]:
        """The aliases of `name` that are set: alias → plain version."""

    def resolve(self, name: str, version_or_alias: str) -> str:
        """The plain version that `version_or_alias` means. Raises `ModelNotFound`, or
        `IntegrityError` when it isn't published completely.
        """

    def digest(self, name: str, version: str) -> str:
        """What stands for the content of `name` at `version`: see `integrity.digest_of`.

        Raises `ModelNotFound`, or `IntegrityError` when it isn't published completely.
        """

    def fetch(self, name: str, version: str, into: Path, digest: str | None = None) -> Path:
        """The directory of `name` at `version`, on this machine, complete but not verified.

        Local: in place. S3: downloaded to `into/NAME/vX.Y.Z`, which appears at once and whole;
        what is there already and intact is used again: with the `digest` that is asked for, the
        store needn't even answer. Raises `ModelNotFound`, or `ContentChanged` when it is known
        before a byte is copied that the store has another digest.
        """

    def publish(self, directory: Path, name: str, version: str, *, replace: bool = False) -> bool:
        """Verify `directory` and copy it into the store; returns False when it was there already.

        A version gets its content once: of two publishers at the same time one wins, and readers
        see all of it or nothing. `replace` changes it all the same, in scratch stores only.
        Raises `IntegrityError` or `InvalidMetadata` before anything is copied, and
        `VersionConflict` when other content is, or is about to be, published under that version.
        """

    def discard(self, name: str, version: str) -> None:
        """Remove what a publisher left that never finished. Raises `VersionConflict` when the
        version is published.
        """

    @property
    def scratch(self) -> bool:
        """Whether it is for trying things out, so that versions may be replaced."""

    def mark_scratch(self) -> None:
        """Make it such a store, whatever is in it."""

    def signatures(self, name: str, version: str) -> bytes:
        """What is in `checksum.sha256.sig` of a version; empty when nobody has signed it."""

    def set_signatures(self, name: str, version: str, signatures: bytes) -> None:
        """Put it there. Nothing else of a published version changes."""

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point `alias` at `version`. Raises `ModelNotFound` if there is no such version."""


def open_storage(uri: str) -> Storage:
    """The store at `uri`: `file:///path` (or a plain path), or `s3://bucket/prefix`.

    S3 takes credentials, region and endpoint from the standard environment variables
    (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL for MinIO and others).
    Nothing is contacted yet.

    Raises `InvalidReference` for any other address.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3" and parts.netloc:
        # Imported here: boto3 takes 0.3 s and 30 MB that a local store does not need.
        from transit_models.storage_s3 import S3Storage

        return S3Storage(parts.netloc, parts.path)
    if parts.scheme in {"file", ""} and parts.netloc in {"", "localhost"} and parts.path:
        from transit_models.storage_local import LocalStorage

        return LocalStorage(Path(unquote(parts.path) if parts.scheme else uri))
    if parts.scheme == "pvc":
        raise InvalidReference(
            f"{uri!r}: a claim is mounted into the pod by the operator; inside, use file:///MOUNT/PATH"
        )
    raise InvalidReference(f"{uri!r} is no store: write file:///path or s3://bucket/prefix")


def fetch_verified(
    storage: Storage,
    name: str,
    version: str,
    into: Path,
    digest: str | None = None,
    keys: Keys | None = None,
) -> VerifiedVersion:
    """Fetch `name` at `version` and verify every byte, before anything is deserialised.

    With `keys` one of them must have signed it, and it is a copy in `into`, which nobody who writes
    to the store can change after it was verified. Raises what `Storage.fetch` and `verify_version`
    raise, `ContentChanged` when it is another content than that of `digest`, and `SignatureError`.
    """
    version = plain(version)
    directory = storage.fetch(name, version, into, digest)
    signed_by = ""
    if keys is not None:
        directory = _own_copy(directory, into / name / directory_name(version))
        try:
            signed_by = signer(directory, keys)
        except SignatureError as error:
            shutil.rmtree(directory)  # or it would be used again when it is signed in the store
            raise SignatureError(f"{storage.uri}/{name}/v{version}: {error}") from None
    verified = verify_version(directory, name, version)
    if digest is not None and verified.digest != digest:
        raise ContentChanged(storage.uri, name, version, digest, verified.digest)
    return replace(verified, signed_by=signed_by)


def _own_copy(directory: Path, target: Path) -> Path:
    """`directory`, or where that is in the store itself, a copy at `target`."""
    if directory == target:
        return directory
    try:
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(directory, target, symlinks=True)
    except (OSError, shutil.Error) as error:
        raise StorageUnavailable(f"{directory} can't be copied to {target}: {error}") from error
    return target


def split_reference(reference: str) -> tuple[str, str | None]:
    """`NAME` or `NAME@VERSION` (or `NAME@ALIAS`) → (name, version or None)."""
    name, at, version = reference.partition("@")
    if at and not version:
        raise InvalidReference(f"{reference!r}: a version or an alias must follow the '@'")
    return name, version or None
