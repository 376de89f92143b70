"""Tensors of the Open Inference Protocol: JSON data and binary data, to and from arrays.

The protocol's binary extension puts tensors behind the JSON, little-endian, row by row; a BYTES
element is preceded by its length in four bytes.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_models.counting import counted
from transit_server.api.decoding.large_bodies import SMALL
from transit_server.api.decoding.quick_numbers import Kind, quick_tensor
from transit_server.api.decoding.rows import decode
from transit_server.api.decoding.size_guard import count
from transit_server.api.v2 import long_lists
from transit_server.errors import InvalidInput

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
BYTES = "BYTES"

_KINDS: dict[str, Kind] = {"f": "d", "i": "i", "u": "u"}
_ANYTHING = msgspec.json.Decoder()


def elements(shape: Sequence[int]) -> int:
    """How many elements a tensor of `shape` has."""
    count = 1
    for length in shape:
        count *= length
    return count


def from_json(
    data: msgspec.Raw, datatype: str, shape: Sequence[int], field: str, *, missing: bool = False
) -> NDArray[Any]:
    """The tensor in `data`, flat or nested, flattened; text as objects. Where values may be
    `missing`, null is NaN. Raises `InvalidInput`.
    """
    if datatype == BYTES:
        return _texts(data, shape, field, missing)
    dtype = DTYPES[datatype]
    text = bytes(data)
    if len(text) > SMALL:
        _refuse_more(text, shape, field)
    quick = quick_tensor(text, _KINDS[dtype.kind]) if dtype.kind in _KINDS else None
    if quick is not None and _in_range(quick, dtype):
        return _sized(quick, shape, field)
    _refuse_more(text, shape, field)
    made: list[NDArray[Any]] = []
    for flat in _pieces(text, field, len(shape) + 1):
        made.append(_numbers(flat, dtype, datatype, field, sum(map(len, made)), missing))
    return _sized(np.concatenate(made), shape, field)


def _pieces(text: bytes, field: str, deepest: int) -> Iterable[list[Any]]:
    """All values, in one piece where they are few."""
    if len(text) > SMALL:
        return long_lists.pieces(text, field, deepest)
    flat: list[Any] = []
    _flatten(decode(_ANYTHING, text, field), flat, field, deepest)
    return [flat]


def _numbers(
    flat: list[Any], dtype: np.dtype[Any], datatype: str, field: str, before: int, missing: bool
) -> NDArray[Any]:
    """`flat` as an array, which stands behind `before` others; of objects, if null is among what
    is no float.
    """
    gaps = [place for place, item in enumerate(flat) if item is None] if missing else []
    for place in gaps:
        flat[place] = False if dtype.kind == "b" else 0
    array = _typed(flat, dtype, datatype, field, before)
    if gaps:
        array = array.astype(np.float64 if dtype.kind == "f" else object)
        array[gaps] = np.nan
    return array


def _texts(data: msgspec.Raw, shape: Sequence[int], field: str, missing: bool) -> NDArray[Any]:
    flat: list[Any] = []
    _flatten(decode(_ANYTHING, data, field), flat, field, len(shape) + 1)
    for index, item in enumerate(flat):
        if not isinstance(item, str) and not (missing and item is None):
            raise InvalidInput(f"is no {BYTES}", field=f"{field}[{index}]")
    made = np.empty(len(flat), dtype=object)
    made[:] = [np.nan if item is None else item for item in flat]
    return _sized(made, shape, field)


def from_binary(data: memoryview, datatype: str, shape: Sequence[int], field: str) -> NDArray[Any]:
    """The tensor in `data`, flattened. Raises `InvalidInput`."""
    if datatype == BYTES:
        return _texts_behind(data, shape, field)
    dtype = DTYPES[datatype]
    if len(data) != elements(shape) * dtype.itemsize:
        wanted = elements(shape) * dtype.itemsize
        raise InvalidInput(
            f"{datatype} of shape {list(shape)} takes {counted(wanted, 'byte')}, got {len(data)}",
            field=field,
        )
    return np.frombuffer(data, dtype=dtype)


def _texts_behind(data: memoryview, shape: Sequence[int], field: str) -> NDArray[Any]:
    found: list[str] = []
    place, most = 0, elements(shape)
    while place < len(data):
        if len(found) == most:  # an empty text takes four bytes: there could be millions
            what = f"shape {list(shape)} has {counted(most, 'element')}, and more texts follow"
            raise InvalidInput(what, field=field)
        length = int.from_bytes(data[place : place + 4], "little")
        text = data[place + 4 : place + 4 + length]
        if len(data) - place < 4 or len(text) != length:
            raise InvalidInput("is cut off within a text", field=field)
        try:
            found.append(str(text, "utf-8"))
        except UnicodeDecodeError:
            raise InvalidInput("holds a text that is not UTF-8", field=field) from None
        place += 4 + length
    made = np.empty(len(found), dtype=object)
    made[:] = found
    return _sized(made, shape, field)


def to_binary(values: NDArray[Any] | list[str], datatype: str) -> bytes:
    """`values` as the binary extension wants them."""
    if datatype == BYTES:
        encoded = [text.encode() for text in values]
        return b"".join(struct.pack("<I", len(item)) + item for item in encoded)
    return np.asarray(values).astype(DTYPES[datatype]).tobytes()


def _flatten(value: object, into: list[Any], field: str, depth: int) -> None:
    if not isinstance(value, list):
        raise InvalidInput("must be an array", field=field)
    if depth == 0:
        raise InvalidInput("is nested deeper than its shape", field=field)
    for item in value:
        if isinstance(item, list):
            _flatten(item, into, field, depth - 1)
        else:
            into.append(item)


def _typed(
    flat: list[Any], dtype: np.dtype[Any], datatype: str, field: str, first: int
) -> NDArray[Any]:
    """`flat` as an array, if each element is of the datatype that was declared; `first` are before
    them.
    """
    allowed: tuple[type, ...] = {"b": (bool,), "f": (int, float)}.get(dtype.kind, (int,))
    for index, item in enumerate(flat, first):
        if not isinstance(item, allowed) or (isinstance(item, bool) and dtype.kind != "b"):
            raise InvalidInput(f"is no {datatype}", field=f"{field}[{index}]")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        for index, item in enumerate(flat, first):
            if not int(limits.min) <= item <= int(limits.max):
                raise InvalidInput(f"is out of the range of {datatype}", field=f"{field}[{index}]")
    try:
        return np.array(flat, dtype=np.float64 if dtype.kind == "f" else dtype)
    except OverflowError:
        raise InvalidInput("a number is too large", field=field) from None


def _in_range(numbers: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return bool((numbers >= limits.min).all() and (numbers <= limits.max).all())


def _sized(array: NDArray[Any], shape: Sequence[int], field: str) -> NDArray[Any]:
    if array.size != elements(shape):
        raise _wrong_count(array.size, shape, field)
    return array


def _refuse_more(text: bytes, shape: Sequence[int], field: str) -> None:
    """Raises `InvalidInput` for more values than elements, without decoding them."""
    there_are = count(text, b",") + 1
    if there_are > elements(shape):
        raise _wrong_count(there_are, shape, field)


def _wrong_count(there_are: int, shape: Sequence[int], field: str) -> InvalidInput:
    text = f"shape {list(shape)} has {counted(elements(shape), 'element')}, got {there_are}"
    return InvalidInput(text, field=field)
