"""JSON numbers straight into arrays, with no Python number in between, by simdjson.

Only for bodies in which nothing is unusual: for all others the answer is None, and `guide_requests`
decodes them again, slower, and says in a client's words what is wrong with them. Where simdjson is
not installed, everything goes that way.
"""

import importlib
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Quick = tuple[NDArray[np.float64], dict[str, Any]]

_FEATURES = "features"
# simdjson holds the interpreter while it parses, a millisecond or two per megabyte, and liveness
# has to be answered meanwhile.
_LARGEST = 16 * 2**20
_PLAIN = (str, bool, int, float, type(None))
_ERRORS = (ValueError, TypeError, RuntimeError, AttributeError, KeyError)  # what simdjson raises
_simdjson: Any = importlib.import_module("simdjson") if find_spec("simdjson") else None


def quick_row(body: bytes) -> Quick | None:
    """The numbers of `features`, (n,), and all other fields; None for what is unusual."""
    if _simdjson is None or body[:1] != b"{":
        return None
    # One bracket: no list but `features`, which simdjson would flatten silently.
    bracket = body.find(b"[")
    if bracket < 0 or body.find(b"[", bracket + 1) >= 0:
        return None
    try:
        document = _simdjson.Parser().parse(body)
        numbers = np.frombuffer(document[_FEATURES].as_buffer(of_type="d"))
        return _with_others(document, numbers)
    except _ERRORS:
        return None


def quick_rows(body: bytes) -> Quick | None:
    """The numbers of `features`, (rows, n), all rows of one length; else as `quick_row`."""
    if _simdjson is None or body[:1] != b"{" or len(body) > _LARGEST:
        return None
    try:
        document = _simdjson.Parser().parse(body)
        rows = document[_FEATURES]
        (length,) = {len(row) for row in rows}
        brackets = np.count_nonzero(np.frombuffer(body, np.uint8) == ord("["))
        if brackets != 1 + len(rows):  # something else than rows of numbers
            return None
        numbers = np.frombuffer(rows.as_buffer(of_type="d"))
        return _with_others(document, numbers.reshape(len(rows), length))
    except _ERRORS:
        return None


def _with_others(document: Any, numbers: NDArray[np.float64]) -> Quick | None:
    names = list(document.keys())
    if len(names) == 1:
        return numbers, {}
    others = {name: document[name] for name in names if name != _FEATURES}
    twice = len(others) + 1 != len(names)
    if twice or not all(isinstance(value, _PLAIN) for value in others.values()):
        return None
    return numbers, others
