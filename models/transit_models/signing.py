"""Signatures: which content may be served, said by who has a private key.

A signature stands beside `checksum.sha256`, in `checksum.sha256.sig`, and is over its digest, so it
is of every file, name and version among them. One line for each key: `ed25519`, the key's id, the
signature in Base64. Keys are Ed25519 in PEM, as `openssl genpkey -algorithm ed25519` writes them.

Neighbours: `integrity` leaves the file out of the checksums; `storage.fetch_verified` asks for a
signature before anything else is read; the command line's `sign` makes one.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from transit_models.errors import InvalidKey, SignatureError
from transit_models.integrity import SIGNATURES, digest_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_KIND = "ed25519"
_ABOUT = b"transit model version, sha256 of checksum.sha256: "
_MAX_BYTES = 64 * 1024


class Keys:
    """The public keys of those who may sign, by the name that each has here."""

    def __init__(self, pems: Mapping[str, str]) -> None:
        """Raises `InvalidKey`."""
        self._keys = {name: _public(name, pem) for name, pem in pems.items()}

    def signer(self, digest: str, signatures: bytes) -> str:
        """The name of a key by which the version of `digest` is signed. Raises `SignatureError`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        made = _read(signatures)
        for name, raw in self._keys.items():
            signature = made.get(_id(raw))
            if signature is None:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(raw).verify(signature, _ABOUT + digest.encode())
            except InvalidSignature:
                raise SignatureError(
                    f"its signature by {name} is of another content than the one with the digest "
                    f"{digest}"
                ) from None
            return name
        known = ", ".join(f"{name} ({_id(raw)})" for name, raw in self._keys.items())
        by = f"by the keys {', '.join(made)}" if made else "by nobody"
        raise SignatureError(
            f"it is signed {by}, and one of these must have signed it: {known}. Whoever may, says: "
            "transit-models sign STORE NAME@VERSION --key FILE"
        )


def signer(directory: Path, keys: Keys) -> str:
    """The name of a key that signed what is in `directory`, by its checksums: which are not
    verified by that. Raises `SignatureError`, `IntegrityError`.
    """
    path = directory / SIGNATURES
    there = path.is_file() and not path.is_symlink()
    return keys.signer(digest_of(directory), path.read_bytes() if there else b"")


def sign(digest: str, signatures: bytes, key: Path) -> bytes:
    """`signatures` with one by the private key in the file `key`. Raises `InvalidKey`."""
    private = _private(key)
    made = _read(signatures)
    made[_id(private.public_key().public_bytes_raw())] = private.sign(_ABOUT + digest.encode())
    lines = (f"{_KIND} {one} {base64.b64encode(made[one]).decode()}\n" for one in sorted(made))
    return "".join(lines).encode()


def _read(signatures: bytes) -> dict[str, bytes]:
    """Key id → signature; what isn't understood is left out."""
    made: dict[str, bytes] = {}
    if len(signatures) > _MAX_BYTES:
        return made
    for line in signatures.decode("ascii", "replace").splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[0] == _KIND:
            try:
                made[parts[1]] = base64.b64decode(parts[2], validate=True)
            except binascii.Error:
                continue
    return made


def _id(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


def _public(name: str, pem: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"the key {name} is no public key in PEM: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidKey(f"the key {name} is of another kind: {_HOW}")
    return key.public_bytes_raw()


def _private(path: Path) -> "Ed25519PrivateKey":
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise InvalidKey(
            "signing needs the package cryptography: pip install cryptography"
        ) from None
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"{path} holds no private key that can be read: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey(f"{path} holds a key of another kind: {_HOW}")
    return key


_HOW = "make one with openssl genpkey -algorithm ed25519"
