"""Fetch a version and verify it, as everybody must who loads one.

Neighbours: a `Storage` brings it, `integrity` and `signing` say whether it is what it should be.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from transit_models.errors import ContentChanged, SignatureError
from transit_models.integrity import VerifiedVersion
from transit_models.signing import Keys, signer
from transit_models.storage.protocol import Storage
from transit_models.versions import plain


def fetch_verified(
    storage: Storage,
    name: str,
    version: str,
    into: Path,
    digest: str | None = None,
    keys: Keys | None = None,
    *,
    copy: bool = False,
) -> VerifiedVersion:
    """Fetch `name` at `version`, every byte verified before anything is deserialised.

    With `keys` one of them must have signed it. With those, or `copy`, it is in `into`, which
    nobody who writes to the store can change after it was verified. Raises what `Storage.fetch`
    raises, `ContentChanged` when it is another content than that of `digest`, and `SignatureError`.
    """
    found = storage.fetch(name, version, into, digest, copy=copy or keys is not None)
    if digest is not None and found.digest != digest:
        raise ContentChanged(storage.uri, name, plain(version), digest, found.digest)
    if keys is None:
        return found
    try:
        return replace(found, signed_by=signer(found.directory, keys))
    except SignatureError as error:
        shutil.rmtree(found.directory)  # or it would be used again when it is signed in the store
        raise SignatureError(f"{storage.uri}/{name}/v{plain(version)}: {error}") from None
