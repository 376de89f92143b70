"""Rows of numbers out of JSON, in one pass, and what is wrong with them in a client's words."""

import re
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_server.errors import ClientMistake, InvalidInput, MalformedBody
from transit_server.formats.base import Rows

T = TypeVar("T")

_PLACE = re.compile(r"(?P<what>.*?) - at `\$\.?(?P<field>.*)`$", re.DOTALL)
# If the sum of squares is less, no number is too large for float32, and all are finite; to ask for
# that alone takes a third of the time.
_ALL_FIT = float(np.finfo(np.float32).max) ** 2
_NOT_JSON_NUMBERS = re.compile(rb"[\[,:\s-](NaN|Infinity|nan|inf)\b")


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes | msgspec.Raw, field: str = "") -> T:
    """`body` decoded, or a `ClientMistake` that names the field; `field` is where `body` stood."""
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise _explained(error, bytes(body), field) from None
    except UnicodeDecodeError:
        raise MalformedBody("the body is not JSON: not UTF-8", field=field or None) from None
    except RecursionError:
        raise InvalidInput("nested too deep", field=field or None) from None


def _explained(error: msgspec.MsgspecError, body: bytes, prefix: str) -> ClientMistake:
    text = str(error)
    if "out of range" in text:
        place = _PLACE.match(text)
        where = prefix + place["field"] if place else prefix
        return InvalidInput("a number is too large", field=where or "features")
    if isinstance(error, msgspec.ValidationError):
        place = _PLACE.match(text)
        if place is None:
            return InvalidInput(text, field=prefix or None)
        return InvalidInput(place["what"], field=prefix + place["field"])
    if _NOT_JSON_NUMBERS.search(body):
        return InvalidInput(
            "NaN and Infinity are no JSON; features must be finite numbers",
            field=prefix or "features",
        )
    return MalformedBody(f"the body is not JSON: {text}", field=prefix or None)


def to_rows(values: list[float] | NDArray[np.float64], features: int, field: str) -> Rows:
    """One row, (1, features). Raises `InvalidInput` for a wrong length and for what float32 can't
    hold.
    """
    if len(values) != features:
        raise wrong_length(len(values), features, field)
    if isinstance(values, np.ndarray) and values.dot(values) < _ALL_FIT:
        row = values.astype(np.float32)
    else:
        with np.errstate(over="ignore"):
            row = np.array(values, dtype=np.float32)
        if not np.isfinite(row).all():
            index = int(np.flatnonzero(~np.isfinite(row))[0])
            raise InvalidInput("too large for a 32-bit float", field=f"{field}[{index}]")
    return row.reshape(1, features)


def wrong_length(numbers: int, features: int, field: str) -> InvalidInput:
    """For a row of `numbers` where the model needs `features`."""
    return InvalidInput(f"needs {features} numbers, got {numbers}", field=field)
