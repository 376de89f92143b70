"""`transit-models resolve`: which versions are meant, for the operator's resolver pod.

Neighbours: the operator's `core.objects.resolver` runs it and reads what it writes.
"""

import argparse
import json
from pathlib import Path

from transit_models.commands.common import Add, named, public_keys
from transit_models.errors import SignatureError
from transit_models.signing import Keys
from transit_models.storage import Storage, open_storage


def add(command: Add) -> None:
    """Add them."""
    resolve = command(
        "resolve", _resolve, "Print which versions are meant, and their digests, as a JSON list."
    )
    resolve.add_argument("store")
    resolve.add_argument("references", nargs="+", metavar="NAME@VERSION", help="or NAME@ALIAS")
    resolve.add_argument("--output", type=Path, metavar="FILE", help="write it there instead")
    resolve.add_argument(
        "--signed-by",
        type=public_keys,
        metavar="KEYS",
        help="one of these must have signed it: names and public keys (PEM), as a JSON object",
    )


def _resolve(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    found = []
    for reference in options.references:
        name, asked = named(reference, ("latest", "1.1.0"))
        version = storage.resolve(name, asked)
        digest = storage.digest(name, version)
        if options.signed_by is not None:
            _must_be_signed(storage, name, version, digest, Keys(options.signed_by))
        found.append({"name": name, "version": version, "digest": digest})
    # Without blanks: of 16 models with long names it just fits into a termination message (4 kB).
    text = json.dumps(found, separators=(",", ":"))
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text)
    return 0


def _must_be_signed(storage: Storage, name: str, version: str, digest: str, keys: Keys) -> None:
    try:
        keys.signer(digest, storage.signatures(name, version))
    except SignatureError as error:
        raise SignatureError(f"{storage.uri}/{name}/v{version}: {error}") from None
