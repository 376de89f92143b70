"""What an entry of the cache is called, and how it is sealed. Pure.

Its name is a keyed hash of all that an answer follows from: the revision, the content of the model
and what is said of it, the program, and the rows. Whoever reads the Redis can't try rows out
against it, and no two revisions meet. The text has an authentication code over the name, the
answer and the time until which it is good: whoever writes into the Redis can delete entries, and
neither make one up, nor move it to another name, nor keep it alive.
"""

import hashlib
import hmac
import struct
import sys
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from transit_models.schema import Inputs, Outputs
from transit_server.formats.base import Rows, Scores

MOST_INPUT: Final = 64 * 2**10  # bytes of rows; hashing them takes 0.1 ms of the event loop
PREFIX: Final = "transit:answer:"
_FORMAT: Final = "transit answers 1 "
_TAG: Final = 16
_NAME: Final = 20
_HEAD: Final = struct.Struct("<cIId")  # type of the numbers, rows, columns, until
_TYPES: Final = "efd"

_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Program:
    """Who answers: what makes two servers' answers the same, but for the model."""

    model_deployment: str
    revision: str
    version: str


@dataclass(frozen=True, slots=True)
class Content:
    """The model that answers, and what is said of it."""

    name: str
    version: str
    digest: str
    engine: str
    inputs: Inputs
    outputs: Outputs


class Entries:
    """Of one model. `key` is a secret that all servers of the ModelDeployment have."""

    def __init__(self, key: bytes, program: Program, content: Content) -> None:
        said = _ENCODER.encode(
            (
                *(program.model_deployment, program.revision, program.version, sys.byteorder),
                *(content.name, content.version, content.digest, content.engine),
                *(repr(content.inputs.fields), repr(content.outputs)),
            )
        )
        own = hmac.digest(key, _FORMAT.encode() + said, "sha512")
        self._naming = hashlib.blake2b(key=own[:32], digest_size=_NAME)
        self._sealing = hashlib.blake2b(key=own[32:], digest_size=_TAG)

    def name(self, rows: Rows) -> str | None:
        """The name of the answer to `rows`; None for rows that are too large, or have no name."""
        said = _said(rows)
        if said is None:
            return None
        naming = self._naming.copy()
        naming.update(said)
        return PREFIX + naming.hexdigest()

    def sealed(self, name: str, scores: Scores, until: float) -> bytes | None:
        """The entry; None for an answer that can't be one."""
        if scores.ndim != 2 or scores.dtype.char not in _TYPES:
            return None
        kind = scores.dtype.char.encode()
        text = _HEAD.pack(kind, *scores.shape, until) + scores.tobytes()
        return self._tag(name, text) + text

    def opened(self, name: str, entry: bytes, rows: int, now: float) -> Scores | None:
        """The answer to so many rows; None if this is no entry of ours under that name."""
        tag, text = entry[:_TAG], entry[_TAG:]
        if not hmac.compare_digest(self._tag(name, text), tag):
            return None
        kind, count, columns, until = _HEAD.unpack_from(text)
        if count != rows or now >= until:
            return None
        numbers = np.frombuffer(text, np.dtype(kind.decode()), offset=_HEAD.size)
        return numbers.reshape(count, columns).copy()  # who gets it may write into it

    def _tag(self, name: str, text: bytes) -> bytes:
        sealing = self._sealing.copy()
        sealing.update(name.encode())  # of one length
        sealing.update(text)
        return sealing.digest()


def _said(rows: Rows) -> bytes | None:
    """The rows in bytes, the same for the same values only."""
    if rows.nbytes > MOST_INPUT:
        return None
    names = rows.dtype.names
    columns = (rows,) if names is None else tuple(rows[name] for name in names)
    parts = [_values(column) for column in columns]
    if any(part is None for part in parts):
        return None
    try:
        return _ENCODER.encode((rows.dtype.str, rows.shape, parts))
    except (TypeError, ValueError, OverflowError):
        return None  # a value that has no one form


def _values(column: Rows) -> Any:
    """The values of a column; texts as such, since in memory they are addresses."""
    if not column.dtype.hasobject:
        return column.tobytes()
    values = column.ravel().tolist()
    if sum(len(value) for value in values if isinstance(value, str)) > MOST_INPUT:
        return None
    return column.shape, values
