"""`transit-models sign`.

Neighbour: `signing` has the format.
"""

import argparse
import tempfile
from pathlib import Path

from transit_models.commands.common import Add, named, tell
from transit_models.signing import sign
from transit_models.storage import fetch_verified, open_storage


def add(command: Add) -> None:
    """Add them."""
    sign = command("sign", _sign, "Sign the content of a version, so that servers may ask for it.")
    sign.add_argument("store")
    sign.add_argument("reference", metavar="NAME@VERSION")
    sign.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="private key, Ed25519 in PEM"
    )


def _sign(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    name, asked = named(options.reference)
    version = storage.resolve(name, asked)
    with tempfile.TemporaryDirectory(prefix="transit-sign-") as scratch:
        digest = fetch_verified(storage, name, version, Path(scratch)).digest
    signed = sign(digest, storage.signatures(name, version), options.key)
    storage.set_signatures(name, version, signed)
    tell(f"{name} {version} is signed, with the digest {digest}")
    return 0
