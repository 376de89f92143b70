"""Rows out of JSON as a model takes them, and what is wrong with them in a client's words."""

import math
import re
import sys
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_models.schema import Input, Inputs
from transit_server.api.decoding.large_bodies import in_one_call
from transit_server.errors import ClientMistake, InvalidInput, MalformedBody
from transit_server.formats.base import Rows

T = TypeVar("T")

_ROW = msgspec.json.Decoder(list[float])
_LIST = msgspec.json.Decoder(list[Any])
_OBJECT = msgspec.json.Decoder(dict[str, Any])

_PLACE = re.compile(r"(?P<what>.*?) - at `\$\.?(?P<field>.*)`$", re.DOTALL)
# If the sum of squares is less, no number is too large, and all are finite.
_SQUARES = {
    "float16": float(np.finfo(np.float16).max) ** 2,
    "float32": float(np.finfo(np.float32).max) ** 2,
    "float64": math.inf,
}
_QUOTED = 300  # characters
_LARGEST = sys.float_info.max
_WHOLE = 2.0**53  # beyond it, not every whole number is a 64-bit float
_NULL = ": where there is no value, send null"
_NOT_JSON_NUMBERS = re.compile(rb"[\[,:\s-](NaN|Infinity|nan|inf)\b")
_BYTE = re.compile(r"\(byte (\d+)\)$")
_AROUND = 16  # bytes on both sides of what is no JSON


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes | msgspec.Raw, field: str = "") -> T:
    """`body` decoded, or a `ClientMistake` that names the field; `field` is where `body` stood."""
    try:
        return in_one_call(decoder.decode, body)
    except msgspec.MsgspecError as error:
        raise _explained(error, body, field) from None
    except UnicodeDecodeError:
        raise MalformedBody("the body is not JSON: not UTF-8", field=field or None) from None
    except RecursionError:
        raise InvalidInput("nested too deep", field=field or None) from None


def _explained(
    error: msgspec.MsgspecError, body: bytes | msgspec.Raw, prefix: str
) -> ClientMistake:
    text = str(error)
    if "out of range" in text:
        place = _PLACE.match(text)
        where = prefix + place["field"] if place else prefix
        return InvalidInput("a number is too large", field=where or "features")
    if isinstance(error, msgspec.ValidationError):
        place = _PLACE.match(text)
        if place is None:
            return InvalidInput(_clipped(text), field=prefix or None)
        return InvalidInput(_clipped(place["what"]), field=_clipped(prefix + place["field"]))
    if _NOT_JSON_NUMBERS.search(_around(text, body)):
        return InvalidInput(
            "NaN and Infinity are not JSON; features must be finite numbers",
            field=prefix or "features",
        )
    return MalformedBody(f"the body is not JSON: {text}", field=prefix or None)


def _around(text: str, body: bytes | msgspec.Raw) -> bytes:
    """Where the body is no JSON; to search all of it takes 10 ns a byte, and nobody else runs."""
    byte = _BYTE.search(text)
    if byte is None:
        return b""
    place = int(byte[1])
    return bytes(memoryview(body)[max(0, place - _AROUND) : place + _AROUND])


def _clipped(text: str) -> str:
    """What quotes a client, who may have sent megabytes, without most of them."""
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def to_rows(given: NDArray[np.float64] | msgspec.Raw, inputs: Inputs, field: str) -> Rows:
    """One row of a request, as `inputs` have it. Raises `ClientMistake`, which names the place."""
    matrix = inputs.matrix
    if isinstance(given, np.ndarray) and matrix is not None and matrix.dtype[0] == "f":
        return _numbers(given, matrix, field)
    return parsed(as_text(given) if isinstance(given, np.ndarray) else given, inputs, field)


def as_text(numbers: NDArray[Any]) -> msgspec.Raw:
    """Numbers that were decoded before it was known that the model takes others. Raises
    `InvalidInput` where too much of them is lost already.
    """
    if numbers.size and np.abs(numbers).max() >= _WHOLE:
        raise InvalidInput("is beyond 2^53: send it by the v2 protocol", field="features")
    return msgspec.Raw(msgspec.json.encode(numbers.tolist()))


def surely_fit(values: NDArray[Any], dtype: str) -> bool:
    """Whether the floats of a flat array are certainly all finite in `dtype`; to look at each takes
    three times as long.
    """
    return float(values.dot(values)) < _SQUARES[dtype]


def _numbers(values: list[float] | NDArray[np.float64], matrix: Input, field: str) -> Rows:
    """(1, features) of floats. Raises `InvalidInput` for a wrong length and for what the dtype
    can't hold.
    """
    features = matrix.size
    if len(values) != features:
        raise wrong_length(len(values), features, field)
    if isinstance(values, np.ndarray) and surely_fit(values, matrix.dtype):
        return values.astype(matrix.dtype).reshape(1, features)
    with np.errstate(over="ignore"):
        row = np.array(values, dtype=matrix.dtype)
    if not np.isfinite(row).all():
        index = int(np.flatnonzero(~np.isfinite(row))[0])
        bits = np.dtype(matrix.dtype).itemsize * 8
        raise InvalidInput(f"too large for a {bits}-bit float", field=f"{field}[{index}]")
    return row.reshape(1, features)


def parsed(text: msgspec.Raw, inputs: Inputs, field: str) -> Rows:
    """One row out of its JSON, by place or by name. Raises `ClientMistake`."""
    matrix = inputs.matrix
    if inputs.names and bytes(text).lstrip()[:1] == b"{":
        values = _in_order(decode(_OBJECT, text, field), inputs, field)
        places = [f"{field}.{name}" for name in inputs.names]
    elif matrix is not None and _are_floats_alone(text, matrix):
        return _numbers(decode(_ROW, text, field), matrix, field)
    else:
        values = decode(_LIST, text, field)
        if len(values) != inputs.features:
            raise wrong_length(len(values), inputs.features, field, numbers=matrix is not None)
        places = [f"{field}[{index}]" for index in range(len(values))]
    if matrix is not None:
        named = bool(matrix.names)
        made = [value_of(v, matrix, p, named=named) for v, p in zip(values, places, strict=True)]
        return np.array([made], dtype=matrix.dtype)
    row = tuple(value_of(*item) for item in zip(values, inputs.fields, places, strict=True))
    return np.array([row], dtype=inputs.row_dtype)


def _are_floats_alone(text: msgspec.Raw, matrix: Input) -> bool:
    """Whether nothing else can be meant: named features may be true or false, as 1 or 0."""
    if matrix.dtype[0] != "f" or matrix.missing:
        return False
    said = bytes(text) if matrix.names else b""
    return b"true" not in said and b"false" not in said


def _in_order(values: dict[str, Any], inputs: Inputs, field: str) -> list[Any]:
    if any(name not in values for name in inputs.names) or len(values) != len(inputs.names):
        known = frozenset(inputs.names)
        unknown = next((name for name in values if name not in known), None)
        if unknown is not None:
            some = ", ".join(inputs.names)[:400]
            place = f"{field}.{unknown[:100]}"
            raise InvalidInput(f"no feature has this name, only {some}", field=place)
        absent = next(name for name in inputs.names if name not in values)
        told = _NULL if _may_miss(inputs, absent) else ""
        raise InvalidInput(f"is missing{told}", field=f"{field}.{absent}")
    return [values[name] for name in inputs.names]


def _may_miss(inputs: Inputs, name: str) -> bool:
    known = inputs.matrix or inputs.fields[inputs.names.index(name)]
    return known.missing


def value_of(value: Any, known: Input, place: str, *, named: bool = True) -> Any:
    """One value as the input's dtype has it; true and false are the numbers 1 and 0 to what has a
    name, as in a table they are. Raises `InvalidInput`.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        if not known.missing:
            raise InvalidInput("null is not allowed here: no value may be missing", field=place)
        return np.nan
    if known.is_text:
        if known.spelled and isinstance(value, int):
            value = str(int(value))
        if not isinstance(value, str):
            raise InvalidInput(f"must be text, not {_json_type(value)}", field=place)
        if known.categories and value not in known.categories:
            some = ", ".join(known.categories)[:400]
            raise InvalidInput(f"{value[:100]!r} is not one of {some}", field=place)
        return value
    dtype = np.dtype(known.dtype)
    if isinstance(value, bool) and (named or dtype.kind == "b"):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"must be a number, not {_json_type(value)}", field=place)
    with np.errstate(over="ignore", invalid="ignore"):
        fits = _fits(value, dtype)
    if not fits:
        raise InvalidInput(f"is no {known.dtype}", field=place)
    return value


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":  # a whole number may have hundreds of digits, which no float holds
        return abs(value) <= _LARGEST and bool(np.isfinite(dtype.type(value)))
    if dtype.kind == "b":
        return value in (0, 1)
    limits = np.iinfo(dtype)
    return value == int(value) and int(limits.min) <= int(value) <= int(limits.max)


def _json_type(value: Any) -> str:
    kinds = {bool: "a boolean", str: "a text", list: "an array", dict: "an object"}
    return kinds.get(type(value), "a number")


def wrong_length(got: int, features: int, field: str, *, numbers: bool = True) -> InvalidInput:
    """For a row of `got` values where the model needs `features`."""
    what = "numbers" if numbers else "values"
    return InvalidInput(f"needs {features} {what}, got {got}", field=field)
