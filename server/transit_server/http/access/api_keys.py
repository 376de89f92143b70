"""API keys: who may ask. Read from the environment or from what a Secret is mounted as.

A key has a name, which logs and metrics show, and a value, which nothing shows. Values are compared
by their SHA-256: keys are long and random, so a slow hash would bring nothing. Plain values are
hashed when they are read and not kept.

`gate` asks `Keys` for the name behind a presented key; `KeyFile` reads a changed file anew.
"""

import asyncio
import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HASH = re.compile(r"sha256:([0-9a-fA-F]{64})")
_SHORTEST = 16
_LOOK_EVERY = 2.0


class BadKeys(ValueError):
    """The keys can't be used; the message names the entry and never shows a value."""


def configured(lines: str, path: Path | None) -> "tuple[Keys | None, KeyFile | None]":
    """The keys that TRANSIT_API_KEYS and TRANSIT_API_KEYS_FILE ask for, and what keeps them as the
    file says; None where there are none. Raises `BadKeys`.
    """
    try:
        fixed = parse_keys(lines)
    except BadKeys as error:
        raise BadKeys(f"TRANSIT_API_KEYS: {error}") from None
    if path is None:
        return (Keys(fixed) if fixed else None), None
    try:
        keys = Keys({**fixed, **read_keys(path)})
    except BadKeys as error:
        raise BadKeys(f"TRANSIT_API_KEYS_FILE: {error}") from None
    return keys, KeyFile(path, fixed, keys)


def parse_keys(text: str) -> dict[str, bytes]:
    """Name → digest, from lines `NAME=VALUE`; VALUE is the key, or `sha256:` and its hash in hex.

    Empty lines and lines that begin with # are skipped. Raises `BadKeys`.
    """
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        name, separator, value = entry.partition("=")
        if not separator:
            raise BadKeys(f"line {number} is not NAME=KEY or NAME=sha256:HASH")
        if name.strip() in keys:
            raise BadKeys(f"line {number}: the name {name.strip()!r} is there twice")
        keys[_name(name.strip(), f"line {number}")] = _digest(value.strip(), f"line {number}")
    return keys


def read_keys(path: Path) -> dict[str, bytes]:
    """Name → digest: from a file as `parse_keys` wants it, or from a directory with a file per key,
    named like it, as Kubernetes mounts a Secret. Raises `BadKeys`.
    """
    try:
        if not path.is_dir():
            return parse_keys(path.read_text(encoding="utf-8"))
        keys: dict[str, bytes] = {}
        for file in sorted(path.iterdir()):
            if not file.name.startswith(".") and file.is_file():
                value = file.read_text(encoding="utf-8").strip()
                keys[_name(file.name, str(file))] = _digest(value, str(file))
        return keys
    except (OSError, UnicodeDecodeError) as error:
        raise BadKeys(f"{path} can't be read: {type(error).__name__}") from error


def _name(text: str, place: str) -> str:
    if not _NAME.fullmatch(text):
        raise BadKeys(f"{place}: a key's name has 1 to 63 letters, digits, dots, dashes")
    return text


def _digest(value: str, place: str) -> bytes:
    if match := _HASH.fullmatch(value):
        return bytes.fromhex(match[1])
    if value.startswith("sha256:"):
        raise BadKeys(f"{place}: after sha256: come 64 hex digits")
    if len(value) < _SHORTEST:
        raise BadKeys(f"{place}: a key has at least {_SHORTEST} characters; openssl rand -hex 32")
    return hashlib.sha256(value.encode()).digest()


class Keys:
    """The keys that are valid now."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)

    def name_of(self, presented: bytes) -> str | None:
        """The name of a presented key, None if it is unknown; in a time that tells nothing of the
        keys.
        """
        digest = hashlib.sha256(presented).digest()
        found = None
        for name, known in self._keys.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def replace(self, keys: Mapping[str, bytes]) -> bool:
        """Use these from now on; whether that changed anything."""
        changed = dict(keys) != self._keys
        self._keys = dict(keys)
        return changed


class KeyFile:
    """Keeps `keys` as a file or a mounted Secret says, besides those that never change."""

    def __init__(self, path: Path, fixed: Mapping[str, bytes], keys: Keys) -> None:
        self._path = path
        self._fixed = dict(fixed)
        self._keys = keys

    async def watch(self) -> None:
        """Until cancelled. A file that can't be read leaves the keys as they are, and is logged."""
        complaint = ""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                found = await asyncio.to_thread(read_keys, self._path)
            except BadKeys as error:
                if str(error) != complaint:
                    complaint = str(error)
                    log.error("the API keys stay as they were: %s", complaint)
                continue
            complaint = ""
            if self._keys.replace({**self._fixed, **found}):
                log.info("API keys: valid now: %d", len({**self._fixed, **found}))
