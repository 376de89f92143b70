"""JSON numbers straight into arrays, with no Python number in between, by simdjson.

Only for bodies in which nothing is unusual: for all others the answer is None, and `guide_requests`
decodes them again, slower, and says in a client's words what is wrong with them. Where simdjson is
not installed, everything goes that way.
"""

import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_server.formats.base import Rows

Others = dict[str, Any]

_FEATURES = "features"
# Rows that are parsed at once. simdjson holds the interpreter meanwhile, and liveness has to be
# answered; and what it parses into stays in the processor's cache: a body of 9 MB at once takes
# twice as long.
_AT_ONCE = 8
_SPACE = b" \t\r\n"
_PLAIN = (str, bool, int, float, type(None))
_ERRORS = (ValueError, TypeError, RuntimeError, AttributeError, KeyError)  # what simdjson raises
_simdjson: Any = importlib.import_module("simdjson") if find_spec("simdjson") else None


def quick_row(body: bytes) -> tuple[NDArray[np.float64], Others] | None:
    """The numbers of `features`, (n,), and all other fields; None for what is unusual."""
    if _simdjson is None or body[:1] != b"{":
        return None
    # One bracket: no list but `features`, which simdjson would flatten silently.
    bracket = body.find(b"[")
    if bracket < 0 or body.find(b"[", bracket + 1) >= 0:
        return None
    try:
        document = _simdjson.Parser().parse(body)
        others = _others(document)
        if others is None:
            return None
        return np.frombuffer(document[_FEATURES].as_buffer(of_type="d")), others
    except _ERRORS:
        return None


def quick_rows(body: bytes) -> tuple[Rows, Others] | None:
    """The numbers of `features`, (rows, n), all rows of one length; else as `quick_row`."""
    first, end = body.find(b"["), body.rfind(b"]")
    if _simdjson is None or body[:1] != b"{" or not 0 <= first < end:
        return None
    try:
        # Without the rows. If `features` is an empty list here, it is they that were cut out.
        document = _simdjson.Parser().parse(body[: first + 1] + body[end:])
        others = _others(document)
        if others is None or document[_FEATURES].as_list():
            return None
        rows = np.concatenate(list(_groups(body, first + 1, end)))
    except _ERRORS:
        return None
    return (rows, others) if np.isfinite(rows).all() else None


def _groups(body: bytes, start: int, end: int) -> Iterator[Rows]:
    """The rows of `body[start:end]`, (at most `_AT_ONCE`, n) each. Raises one of `_ERRORS`."""
    parser = _simdjson.Parser()
    while start < end:
        stop = _group_end(body, start, end)
        text = body[start:stop].strip(_SPACE)
        if stop < end:
            if text[-1:] != b",":
                raise ValueError("no comma between two rows")
            text = text[:-1]
        yield _group(parser, b"[" + text + b"]")
        start = stop


def _group(parser: Any, text: bytes) -> Rows:
    rows = parser.parse(text)
    if len(rows) != text.count(b"[") - 1:
        raise ValueError("something else than lists of numbers")
    (length,) = {len(row) for row in rows}
    numbers = np.frombuffer(rows.as_buffer(of_type="d")).reshape(len(rows), length)
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def _group_end(body: bytes, start: int, end: int) -> int:
    """Where the row behind the next `_AT_ONCE` begins; `end` where there are not so many."""
    place = start - 1
    for _ in range(_AT_ONCE + 1):
        place = body.find(b"[", place + 1, end)
        if place < 0:
            return end
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
