"""What has more in it than any model could take is refused before it is decoded.

Decoding makes an object of each value, and holds the interpreter meanwhile: with 30 MB of `1,1,1`
liveness was not answered for 1.4 s, and a few such bodies took the server to 1.3 GB. So does
passing over megabytes of white space or of one name, of which a client packs any number into 30 kB.
"""

import msgspec
import numpy as np

from transit_models.counting import counted
from transit_server.api.decoding.large_bodies import LONG
from transit_server.errors import InvalidInput

_AT_ONCE = 2**18
_NESTED = 64  # objects in a list of inputs or outputs: there is one input, and outputs are few
# What is wrong with fewer values than this is told by decoding them, which says it better.
_FEW = 2**16
_GENEROUS = 4
_ESCAPED = 6  # bytes of a character, as \u00e9
PER_VALUE = 64  # bytes of a number; the longest takes 24, and the rest may be indentation


def check_rows(body: bytes, max_rows: int, features: int) -> None:
    """Of a batch for models of at most `features` numbers. Raises `InvalidInput`."""
    rows = count(body, b"[") - 1
    if rows > max_rows:
        raise InvalidInput(f"needs 1 to {counted(max_rows, 'row')}, got {rows}", field="features")
    check_values(body, max(rows, 1), features)


def check_bytes(text: bytes, longest_name: int | None) -> None:
    """Raises `InvalidInput` for many times more bytes than the numbers in `text` take, each with a
    name; None: with any, for there may be texts.
    """
    if longest_name is None or len(text) <= LONG:
        return
    values = count(text, b",") + 1
    if len(text) > LONG + (PER_VALUE + _ESCAPED * longest_name) * values:
        what = f"{len(text)} bytes of JSON, far more than {values} values take"
        raise InvalidInput(f"the body has {what}; is it white space?")


def check_values(body: bytes, rows: int, features: int) -> None:
    """Raises `InvalidInput` if there are many times more values than `rows` of `features`."""
    if len(body) <= _FEW:
        return
    values = count(body, b",") + 1
    if values > _FEW + _GENEROUS * rows * features:
        text = f"the body has {values} values, far more than {rows} x {features} numbers"
        raise InvalidInput(text)


def check_list(text: msgspec.Raw, field: str, expected: int = 1) -> None:
    """Of inputs or outputs, where a model has `expected` of them. Raises `InvalidInput`."""
    allowed = max(_NESTED, 2 * expected)  # each may have an object of parameters
    if count(text, b"{") > allowed:
        raise InvalidInput(f"has more than {allowed} objects in it", field=field)


def has_more_objects(text: bytes) -> bool:
    """Whether there are more than any list may have; looks no further than it must."""
    place = -1
    for _ in range(_NESTED + 1):
        place = text.find(b"{", place + 1)
        if place < 0:
            return False
    return True


def count(text: bytes | memoryview | msgspec.Raw, character: bytes) -> int:
    """By NumPy, which lets others have the interpreter, and takes a fifth of the time."""
    array = np.frombuffer(text, np.uint8)
    starts = range(0, len(array), _AT_ONCE)
    return sum(
        int(np.count_nonzero(array[start : start + _AT_ONCE] == character[0])) for start in starts
    )
