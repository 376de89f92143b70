"""Which features of a row are written into the log, and how: kept, hashed, or not at all.

Hashes are keyed: values of a column are few enough to be guessed one after the other. Each column
has a key of its own, so that one value in two columns can't be recognised. Neighbours: `log` makes
a `Features` for each model, `lines` asks it for a row's.
"""

import hmac
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from transit_models.schema import Inputs
from transit_server.formats.base import Rows
from transit_server.settings import Features as Mode
from transit_server.settings import PredictionLogSettings

log = logging.getLogger(__name__)

SALT: Final = "salt"  # an entry of the Secret
_SHORTEST_SALT: Final = 16
_HASH: Final = 16  # bytes
_FORMAT: Final = "transit prediction log 1 "


@dataclass(frozen=True, slots=True)
class Column:
    """One that is written. `place` is where its values are in the rows: the number of a column of a
    matrix, the field of a structured array, or None for the whole matrix. `key` is that of its
    hashes; None: it is kept.
    """

    name: str
    place: int | str | None
    key: bytes | None


class Features:
    """What of a model's rows is written."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)

    def __bool__(self) -> bool:
        return bool(self._columns)

    def of(self, rows: Rows) -> Iterator[dict[str, Any]]:
        """The features of each row, by name."""
        values = [_values(column, rows) for column in self._columns]
        names = [column.name for column in self._columns]
        for row in zip(*values, strict=True):
            yield dict(zip(names, row, strict=True))


def features_of(
    model: str, inputs: Inputs, settings: PredictionLogSettings, salt: bytes | None
) -> Features:
    """What is chosen for a model. Where that can't be done as it was said, less is written."""
    names = _places(inputs)
    unknown = [name for name in settings.columns if name not in names]
    if unknown and settings.features != "Omit":
        # One that is misspelled may be the one that must not be written.
        log.error(
            "prediction log: %s has no column %r: no feature of it is written",
            *(model, unknown[0]),
        )
        return Features(())
    columns = []
    for name, place in names.items():
        mode: Mode = settings.columns.get(name, settings.features)
        if mode == "Omit" or (mode == "Hash" and salt is None):
            continue
        key = _key(salt, name) if mode == "Hash" and salt is not None else None
        columns.append(Column(name, place, key))
    return Features(columns)


def salt_in(secret: Path | None) -> bytes | None:
    """The salt of a mounted Secret; None where there is none that will do."""
    if secret is None:
        return None
    try:
        found = (secret / SALT).read_bytes().strip()
    except OSError:
        return None
    return found if len(found) >= _SHORTEST_SALT else None


def wants_hashes(settings: PredictionLogSettings) -> bool:
    return "Hash" in (settings.features, *settings.columns.values())


def _places(inputs: Inputs) -> dict[str, int | str | None]:
    matrix = inputs.matrix
    if matrix is None:
        return {field.name: field.name for field in inputs.fields}
    if matrix.names:
        return {name: index for index, name in enumerate(matrix.names)}
    return {matrix.name: None}


def _key(salt: bytes, name: str) -> bytes:
    return hmac.digest(salt, (_FORMAT + name).encode(), "sha256")


def _values(column: Column, rows: Rows) -> list[Any]:
    place = column.place
    if place is None:
        found = rows.tolist()
    elif isinstance(place, int):
        found = rows[:, place].tolist()
    else:
        found = rows[place].tolist()
    if column.key is None:
        return list(found)
    return [_hashed(value, column.key) for value in found]


def _hashed(value: Any, key: bytes) -> str:
    return hmac.digest(key, msgspec.json.encode(value), "sha256")[:_HASH].hex()
