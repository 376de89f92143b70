"""Fetch a version and verify it, as everybody must who loads one.

Neighbours: a `Storage` brings it, `integrity` and `signing` say whether it is what it should be.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from transit_models.errors import ContentChanged, SignatureError, StorageUnavailable
from transit_models.integrity import VerifiedVersion, verify_version
from transit_models.signing import Keys, signer
from transit_models.storage.protocol import Storage
from transit_models.versions import directory_name, plain


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
