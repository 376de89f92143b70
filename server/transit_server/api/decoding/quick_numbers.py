"""JSON numbers straight into arrays, with no Python number in between, by simdjson.

Only for what is not unusual: for all else the answer is None, and the caller decodes again, slower,
and says in a client's words what is wrong. Where simdjson is not installed, everything goes that
way.

What is large is parsed piece by piece. simdjson holds the interpreter while it parses, and liveness
has to be answered meanwhile; and what it parses into stays in the processor's cache: a body of 9 MB
at once takes twice as long. A piece with far more in it than numbers, such as megabytes of white
space, goes the slow way.
"""

import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from transit_server.api.decoding.large_bodies import LONG, with_pauses
from transit_server.api.decoding.size_guard import PER_VALUE
from transit_server.formats.base import Rows

Others = dict[str, Any]
Kind = Literal["d", "i", "u"]  # double, and integers of 64 bits with and without a sign

_FEATURES = "features"
_FLOATS = np.dtype(np.float32)
_ROWS_AT_ONCE = 8
_BYTES_AT_ONCE = 64 * 1024
_SPACE = b" \t\r\n"
_PLAIN = (str, bool, int, float, type(None))
_DTYPES = {"d": np.dtype("f8"), "i": np.dtype("i8"), "u": np.dtype("u8")}
_ERRORS = (ValueError, TypeError, RuntimeError, AttributeError, KeyError)  # what simdjson raises
_simdjson: Any = importlib.import_module("simdjson") if find_spec("simdjson") else None


def quick_row(body: bytes) -> tuple[NDArray[np.float64], Others] | None:
    """The numbers of `features`, (n,), and all other fields of the object `body`."""
    if _simdjson is None or body[:1] != b"{":
        return None
    # One bracket: no list but `features`, which simdjson would flatten silently.
    bracket = body.find(b"[")
    if bracket < 0 or body.find(b"[", bracket + 1) >= 0:
        return None
    if len(body) > LONG:
        return _long_row(body, bracket, body.rfind(b"]") + 1)
    try:
        document = _simdjson.Parser().parse(body)
        others = _others(document)
        if others is None:
            return None
        return np.frombuffer(document[_FEATURES].as_buffer(of_type="d")), others
    except _ERRORS:
        return None


def _long_row(body: bytes, start: int, end: int) -> tuple[NDArray[np.float64], Others] | None:
    """The same, with the list at `body[start:end]` piece by piece."""
    try:
        others = _around(body[: start + 1] + body[end - 1 :])
    except _ERRORS:
        return None
    row = None if others is None else quick_tensor(body[start:end], "d")
    return None if row is None or others is None else (row, others)


def quick_rows(body: bytes, dtype: np.dtype[Any] = _FLOATS) -> tuple[Rows, Others] | None:
    """The numbers of `features`, (rows, n), all finite in `dtype`, and all other fields."""
    first, end = body.find(b"["), body.rfind(b"]")
    if _simdjson is None or body[:1] != b"{" or not 0 <= first < end:
        return None
    try:
        others = _around(body[: first + 1] + body[end:])
        if others is None:
            return None
        with np.errstate(over="ignore"):
            groups = with_pauses(_groups(body, first + 1, end, "d"))
            rows = np.concatenate([group.astype(dtype) for group in groups])
    except _ERRORS:
        return None
    return (rows, others) if np.isfinite(rows).all() else None


def quick_tensor(data: bytes, kind: Kind) -> NDArray[Any] | None:
    """The numbers of a list, or of a list of lists of one length, flattened."""
    data = data.strip(_SPACE)
    if _simdjson is None or data[:1] != b"[" or data[-1:] != b"]":
        return None
    end = len(data) - 1
    nested = data.find(b"[", 1) > 0
    try:
        if not nested and end < _BYTES_AT_ONCE:
            return _flat(_simdjson.Parser(), data, kind)
        pieces = _groups(data, 1, end, kind) if nested else _runs(data, 1, end, kind)
        return np.concatenate([piece.reshape(-1) for piece in with_pauses(pieces)])
    except _ERRORS:
        return None


def _around(text: bytes) -> Others | None:
    """All fields but `features`, of a body that has lost what is in its list. If `features` is an
    empty list now, it is that which was cut out. Raises one of `_ERRORS`.
    """
    document = _parsed(_simdjson.Parser(), text)
    others = _others(document)
    return None if others is None or document[_FEATURES].as_list() else others


def _parsed(parser: Any, text: bytes) -> Any:
    """Raises one of `_ERRORS`, also where there is too much between the values."""
    if len(text) > LONG and len(text) > LONG + PER_VALUE * text.count(b","):
        raise ValueError("more than values")
    return parser.parse(text)


def _runs(data: bytes, start: int, end: int, kind: Kind) -> Iterator[NDArray[Any]]:
    """The numbers of `data[start:end]`, which has no bracket, piece by piece. Raises one of
    `_ERRORS`.
    """
    parser = _simdjson.Parser()
    stop = start - 1
    while stop < end:
        start, stop = stop + 1, data.find(b",", stop + _BYTES_AT_ONCE, end)
        if stop < 0:
            stop = end
        yield _flat(parser, b"[" + data[start:stop] + b"]", kind)


def _flat(parser: Any, text: bytes, kind: Kind) -> NDArray[Any]:
    array = np.frombuffer(_parsed(parser, text).as_buffer(of_type=kind), dtype=_DTYPES[kind])
    if not len(array):
        raise ValueError("nothing between two commas")
    return array


def _groups(data: bytes, start: int, end: int, kind: Kind) -> Iterator[NDArray[Any]]:
    """The rows of `data[start:end]`, (at most `_ROWS_AT_ONCE`, n) each, fewer of long ones. Raises
    one of `_ERRORS`.
    """
    parser = _simdjson.Parser()
    while start < end:
        stop = _group_end(data, start, end)
        text = data[start:stop].strip(_SPACE)
        if stop < end:
            if text[-1:] != b",":
                raise ValueError("no comma between two rows")
            text = text[:-1]
        yield _group(parser, b"[" + text + b"]", kind)
        start = stop


def _group(parser: Any, text: bytes, kind: Kind) -> NDArray[Any]:
    rows = _parsed(parser, text)
    if len(rows) != text.count(b"[") - 1:
        raise ValueError("something else than lists of numbers")
    (length,) = {len(row) for row in rows}
    if length == 0:
        raise ValueError("empty rows")
    numbers = np.frombuffer(rows.as_buffer(of_type=kind), dtype=_DTYPES[kind])
    return numbers.reshape(len(rows), length)


def _group_end(data: bytes, start: int, end: int) -> int:
    """Where the row behind the next `_ROWS_AT_ONCE` begins, or behind those that are long enough;
    `end` where there are not so many.
    """
    place = start - 1
    for row in range(_ROWS_AT_ONCE + 1):
        place = data.find(b"[", place + 1, end)
        if place < 0:
            return end
        if row and place - start > _BYTES_AT_ONCE:
            return place
    return place


def _others(document: Any) -> Others | None:
    """All fields but `features`, if they are plain and none is there twice."""
    names = list(document.keys())
    if len(names) == 1:
        return {}
    others = {name: document[name] for name in names if name != _FEATURES}
    twice = len(others) + 1 != len(names)
    if twice or not all(isinstance(value, _PLAIN) for value in others.values()):
        return None
    return others
