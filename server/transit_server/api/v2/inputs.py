"""Inputs of the v2 protocol as rows: one tensor for a matrix, whatever its name; else one for each
column or tensor, by name, in any order.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.counting import counted
from transit_models.schema import FEATURES, Input, Inputs
from transit_server.api.decoding.rows import surely_fit
from transit_server.api.v2 import tensors
from transit_server.api.v2.requests import InferInput
from transit_server.errors import InvalidInput
from transit_server.formats.base import Rows

INPUT = FEATURES
_DATATYPES = {dtype.name: name for name, dtype in tensors.DTYPES.items()}
_OF_NUMBERS = tuple(tensors.DTYPES)
_OF_TEXT = (tensors.BYTES,)
_OF_FLOATS = ("FP16", "FP32", "FP64")
_SPELLED = ("BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")


def described(inputs: Inputs) -> list[dict[str, Any]]:
    """The inputs as the protocol's metadata has them."""
    matrix = inputs.matrix
    if matrix is not None:  # with names, one input for each column does as well
        datatype = _DATATYPES[matrix.dtype]
        return [{"name": INPUT, "datatype": datatype, "shape": [-1, matrix.size]}]
    return [
        {
            "name": field.name,
            "datatype": tensors.BYTES if field.is_text else _DATATYPES[field.dtype],
            "shape": [-1, *(field.shape or (1,))],
        }
        for field in inputs.fields
    ]


def rows_of(given: Sequence[InferInput], binary: memoryview, inputs: Inputs, max_rows: int) -> Rows:
    """All rows of a request. Raises `InvalidInput`."""
    chunks = _chunks(given, binary)
    matrix = inputs.matrix
    if matrix is not None and len(given) == 1 and (matrix.size > 1 or not matrix.names):
        (tensor,), (chunk,) = given, chunks
        values, count = _tensor(tensor, chunk, matrix, "inputs[0]", max_rows)
        return values.reshape(count, -1)
    fields = inputs.fields
    if matrix is not None:
        if not matrix.names:
            raise InvalidInput(f"needs exactly one input, named {INPUT!r}", field="inputs")
        fields = tuple(Input(name, matrix.dtype, missing=matrix.missing) for name in matrix.names)
    places = _places(given, fields)
    columns, counts = [], set()
    for field, place in zip(fields, places, strict=True):
        where = f"inputs[{place}]"
        values, count = _tensor(given[place], chunks[place], field, where, max_rows)
        columns.append(values)
        counts.add(count)
    if len(counts) != 1:
        numbers = sorted(counts)
        raise InvalidInput(f"inputs have different numbers of rows: {numbers}", field="inputs")
    (count,) = counts
    if matrix is not None:
        return np.stack([column.reshape(count) for column in columns], axis=1)
    rows = np.zeros(count, inputs.row_dtype)
    for field, values in zip(fields, columns, strict=True):
        rows[field.name] = values.reshape(rows[field.name].shape)
    return rows


def _places(given: Sequence[InferInput], fields: Sequence[Input]) -> list[int]:
    """Where the input for each field is; one input needs no name."""
    if len(given) == len(fields) == 1:
        return [0]
    names = [item.name for item in given]
    wanted = [field.name for field in fields]
    if sorted(names) != sorted(wanted):
        raise InvalidInput(
            f"needs one input for each of {', '.join(wanted)[:400]}, got {', '.join(names)[:400]}",
            field="inputs",
        )
    places = {name: place for place, name in enumerate(names)}
    return [places[name] for name in wanted]


def _chunks(given: Sequence[InferInput], binary: memoryview) -> list[memoryview | None]:
    """What belongs to each input of the bytes behind the JSON."""
    chunks: list[memoryview | None] = []
    start = 0
    last = ""
    for index, item in enumerate(given):
        size = item.parameters.get("binary_data_size")
        if size is None:
            chunks.append(None)
            continue
        last = f"inputs[{index}].parameters.binary_data_size"
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidInput("is not a number of bytes", field=last)
        chunks.append(binary[start : start + size])
        start += size
    if last and start != len(binary):
        text = f"is {start}, with {counted(len(binary), 'byte')} behind the JSON"
        raise InvalidInput(text, field=last)
    if binary and not last:
        raise InvalidInput("no input has a binary_data_size for the bytes behind the JSON")
    return chunks


def _tensor(
    tensor: InferInput, chunk: memoryview | None, field: Input, where: str, max_rows: int
) -> tuple[NDArray[Any], int]:
    """The values of one input, flat, in the dtype of the field; and how many rows they are."""
    allowed = _OF_TEXT if field.is_text else _OF_NUMBERS
    if field.spelled:
        allowed += _SPELLED
    if tensor.datatype not in allowed:
        kind = "text" if field.is_text else "numbers"
        text = f"{tensor.datatype[:20]!r} is not a datatype of {kind}: {', '.join(allowed)}"
        raise InvalidInput(text, field=f"{where}.datatype")
    count = _count(tensor.shape, field, where)
    if not 1 <= count <= max_rows:
        raise InvalidInput(
            f"needs 1 to {counted(max_rows, 'row')}, got {count}", field=f"{where}.shape"
        )
    if chunk is not None:
        values = tensors.from_binary(chunk, tensor.datatype, tensor.shape, where)
    elif not len(memoryview(tensor.data)):
        raise InvalidInput("is missing", field=f"{where}.data")
    else:
        missing = field.missing and (field.is_object or tensor.datatype in _OF_FLOATS)
        values = tensors.from_json(
            tensor.data, tensor.datatype, tensor.shape, f"{where}.data", missing=missing
        )
    if tensor.datatype in _SPELLED and field.is_text:
        values = np.array([str(int(value)) for value in values.tolist()], dtype=object)
    return (_known(values, field, where) if field.is_text else _cast(values, field, where)), count


def _count(shape: Sequence[int], field: Input, where: str) -> int:
    """The first axis; a matrix of one row may come without it, a column without the second."""
    column = field.size == 1
    if len(shape) == 1 and not column:
        count, per_row = 1, shape[0]
    else:
        count, per_row = shape[0], tensors.elements(shape[1:])
    if per_row != field.size:
        wanted = ", ".join(map(str, field.shape)) if len(field.shape) > 1 else field.size
        raise InvalidInput(f"shape {shape} is not [rows, {wanted}]", field=f"{where}.shape")
    return count


def _known(values: NDArray[Any], field: Input, where: str) -> NDArray[Any]:
    if field.categories:
        for index, value in enumerate(values.tolist()):
            if isinstance(value, str) and value not in field.categories:
                some = ", ".join(field.categories)[:400]
                text = f"{value[:100]!r} is not one of {some}"
                raise InvalidInput(text, field=f"{where}.data[{index}]")
    return values


def _cast(values: NDArray[Any], field: Input, where: str) -> NDArray[Any]:
    """In the dtype of the field, nothing cut off but the digits that its floats don't have. A copy:
    what a model is given it may change.
    """
    if field.is_object:
        gaps = values != values
        known = _cast(np.where(gaps, 0, values), replace(field, missing=False), where)
        objects = known.astype(object)
        objects[gaps] = np.nan
        return objects
    dtype = np.dtype(field.dtype)
    if values.dtype.kind == dtype.kind == "f" and surely_fit(values, field.dtype):
        return values.astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        made = values.astype(dtype)
    if dtype.kind == "f":
        bad = ~np.isfinite(made)
        if field.missing:
            bad &= ~np.isnan(values.astype(np.float64))
        text = f"is not a finite {dtype.itemsize * 8}-bit float"
    else:
        bad = made != values
        text = f"is no {field.dtype}"
    if bad.any():
        index = int(np.flatnonzero(bad)[0])
        raise InvalidInput(text, field=f"{where}.data[{index}]")
    return made
