"""What a version takes: its metadata and what the model says of itself, held against each other.

Where both say something they must agree; where one is silent, the other is believed. Neighbours:
`door` turns rows of what is agreed here into what the model is called with.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from transit_models.counting import counted
from transit_models.schema import Input, Inputs, Schema, inputs_of
from transit_server.formats.base import Says, UnsupportedModel

_WHOLE = "iub"
OPEN = "state the whole shape, with 1 for the batch (--features and --shape)"


def agreed(schema: Schema, says: Says) -> Inputs:
    """The inputs that are served; `says` is of the first that sees them, preprocessing or model.
    Raises `UnsupportedModel` with both sides.
    """
    stated = schema.inputs
    if says.fields:
        return _described(stated, says) if schema.says_inputs else _guessed(stated, says)
    matrix = stated.matrix
    if matrix is None:
        return _columns_of_numbers(stated, says)
    if says.features is not None and says.features != matrix.size:
        raise UnsupportedModel(
            f"it takes {counted(says.features, 'feature')}, and gets {matrix.size}"
        )
    dtype = matrix.dtype if schema.says_dtype else says.dtype or matrix.dtype
    if _is_whole(says.dtype):
        dtype = says.dtype  # what is no whole number would be cut off
    _same_names(matrix.names, says.names)
    if matrix.missing and np.dtype(dtype).kind != "f":
        raise UnsupportedModel(
            f"the metadata says that values may be missing, and {dtype} has none that means that: "
            "say float64 (--dtype), or describe each of its inputs"
        )
    return Inputs((replace(matrix, dtype=dtype, names=matrix.names or says.names),))


def _is_whole(dtype: str) -> bool:
    return bool(dtype) and np.dtype(dtype).kind in _WHOLE


def _same_names(stated: Sequence[str], own: Sequence[str]) -> None:
    """The order may differ: that of the metadata is the requests', `door` gives the model its own.
    Raises `UnsupportedModel`.
    """
    if stated and own and set(stated) != set(own):
        missing = ", ".join(name for name in own if name not in stated)
        unknown = ", ".join(name for name in stated if name not in own)
        raise UnsupportedModel(
            f"its features are {', '.join(own)[:400]}, the metadata has "
            f"{', '.join(stated)[:400]}: missing there: {missing[:200] or 'none'}; "
            f"unknown to the model: {unknown[:200] or 'none'}"
        )


def _columns_of_numbers(stated: Inputs, says: Says) -> Inputs:
    """Columns of several kinds, for a model that takes a matrix of numbers."""
    texts = [field.name for field in stated.fields if field.is_text or field.shape]
    if texts:
        raise UnsupportedModel(
            f"it takes one matrix of numbers, and its metadata has the input {texts[0]}, "
            "which is text or a tensor"
        )
    if says.features is not None and says.features != len(stated.fields):
        raise UnsupportedModel(
            f"it takes {counted(says.features, 'feature')}, and gets {len(stated.fields)}"
        )
    _same_names(stated.names, says.names)
    return stated


def _guessed(stated: Inputs, says: Says) -> Inputs:
    """For a model that names its inputs, of which the metadata says only how many there are."""
    _same_names(stated.names, tuple(field.name for field in says.fields))
    inputs = inputs_of(says.fields)
    _known_shapes(inputs)
    if stated.features not in (inputs.features, says.features) and says.takes != "tensors":
        names = ", ".join(field.name for field in says.fields)[:400]
        raise UnsupportedModel(
            f"it takes {counted(inputs.features, 'feature')} ({names}), and gets {stated.features}"
        )
    return inputs


def _described(stated: Inputs, says: Says) -> Inputs:
    """What the metadata says of each input, and the model of the same one."""
    own = {field.name: field for field in says.fields}
    told = {field.name: field for field in _apart(stated)}
    if len(own) == 1 and len(told) == 1:  # one input needs no name
        own = dict(zip(told, own.values(), strict=True))
    _same_names(tuple(told), tuple(own))
    inputs = inputs_of(tuple(_merged(field, own[name]) for name, field in told.items()))
    _known_shapes(inputs)
    return inputs


def _apart(stated: Inputs) -> tuple[Input, ...]:
    """A matrix that was made of columns, as those again."""
    matrix = stated.matrix
    if matrix is None or not matrix.names:
        return stated.fields
    return tuple(Input(name, matrix.dtype, missing=matrix.missing) for name in matrix.names)


def _merged(said: Input, model: Input) -> Input:
    if model.is_text != said.is_text:
        raise UnsupportedModel(
            f"its input {said.name} is {model.dtype}, and the metadata says {said.dtype}"
        )
    shape = said.shape or model.shape
    if model.shape and not _fits(shape, model.shape):
        raise UnsupportedModel(
            f"its input {said.name} has the shape {_shown(model.shape)}, and the metadata says "
            f"{_shown(shape)}"
        )
    return replace(
        said,
        shape=tuple(a or b for a, b in zip(shape, model.shape or shape, strict=True)),
        dtype=model.dtype if not model.is_text and _is_whole(model.dtype) else said.dtype,
        categories=said.categories or model.categories,
        examples=model.examples,
        missing=said.missing or model.missing,
        spelled=model.spelled,
    )


def _fits(shape: Sequence[int | None], own: Sequence[int | None]) -> bool:
    return len(shape) == len(own) and all(
        a is None or b is None or a == b for a, b in zip(shape, own, strict=True)
    )


def _known_shapes(inputs: Inputs) -> None:
    for field in inputs.fields:
        if None in field.shape:
            raise UnsupportedModel(
                f"its input {field.name} has the shape {_shown(field.shape)}: say in the metadata "
                "how large it is, by the shape of each of inputs, with 1 for the batch"
            )


def fitted(own: Sequence[int | None], row: Input | None) -> tuple[int, ...]:
    """The shape of a row as a model of one tensor wants it: its open axes are as `row` states.

    Raises `UnsupportedModel` when that can't be known, or the two differ.
    """
    if row is None:
        if None in own:
            raise UnsupportedModel(f"it takes rows of the shape {_shown(own)}: {OPEN}")
        return tuple(int(length or 1) for length in own)
    if _fits(row.shape, own):
        found = [a or b for a, b in zip(own, row.shape, strict=True)]
        if all(found):
            return tuple(int(length or 1) for length in found)
    known = 1
    for length in own:
        known *= length or 1
    open_axes = sum(length is None for length in own)
    if open_axes == 0 and known == row.size:
        return tuple(int(length or 1) for length in own)
    if open_axes == 1 and row.size % known == 0:
        return tuple(length or row.size // known for length in own)
    raise UnsupportedModel(
        f"it takes rows of the shape {_shown(own)}, and gets {_shown(row.shape)}: "
        "state the whole shape in input_schema.shape, with 1 for the batch"
    )


def _shown(shape: Sequence[int | None]) -> str:
    return str([1, *shape]).replace("None", "null")
