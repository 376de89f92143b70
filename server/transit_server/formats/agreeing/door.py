"""From rows as they are decoded to what a model is called with: names in the model's own order,
a frame of columns, texts, or tensors by name. Neighbour: `inputs` agreed on what rows hold.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from transit_models.schema import Inputs
from transit_server.formats.base import Rows, Says

Door = Callable[[Rows], Any]
_SHOWN = 20


def door(inputs: Inputs, says: Says) -> Door | None:
    """None where the rows are what the model takes."""
    if says.takes == "matrix":
        return _matrix(inputs, says)
    if says.takes == "texts":
        name = inputs.fields[0].name
        return lambda rows: rows[name].tolist()
    if says.takes == "tensors":
        return _tensors(inputs, says)
    names = [field.name for field in says.fields]
    if says.takes == "objects":
        return lambda rows: _objects(rows, inputs, names, says.none_is_missing)
    if says.none_is_missing or says.as_objects:
        frame = _frame(inputs, names, {})
        objects = {*says.none_is_missing, *says.as_objects}
        return lambda rows: _with_objects(frame(rows), objects, says.none_is_missing)
    strict = {column.name for column in says.numbered if column.strict}
    return _frame(inputs, names, _categories(inputs, says), strict)


def _matrix(inputs: Inputs, says: Says) -> Door | None:
    order = _order(inputs.names, says.names)
    if inputs.matrix is None:
        columns = [inputs.fields[n].name for n in order or range(len(inputs.fields))]
        dtype = np.dtype(says.dtype or "float64")
        return lambda rows: np.stack([rows[name].astype(dtype) for name in columns], axis=1)
    if order is None:
        return None
    return lambda rows: np.ascontiguousarray(rows[:, order])


def _order(names: Sequence[str], own: Sequence[str]) -> list[int] | None:
    """Where each of the model's features is in a row; None if that is the same order."""
    if not own or not names or list(own) == list(names):
        return None
    return [names.index(name) for name in own]


def _column(rows: Rows, inputs: Inputs, name: str) -> Any:
    matrix = inputs.matrix
    if matrix is None:
        return rows[name]
    return rows[:, matrix.names.index(name)] if matrix.names else rows


def _tensors(inputs: Inputs, says: Says) -> Door:
    own = [field.name for field in says.fields]
    served = {own[0]: inputs.fields[0].name} if len(own) == 1 else {name: name for name in own}
    return lambda rows: {name: _column(rows, inputs, served[name]) for name in own}


def _objects(rows: Rows, inputs: Inputs, names: Sequence[str], with_none: Collection[str]) -> Any:
    made = np.empty((len(rows), len(names)), dtype=object)
    for number, name in enumerate(names):
        column = _column(rows, inputs, name)
        made[:, number] = column
        if name in with_none:
            made[column != column, number] = None
    return made


def _with_objects(frame: Any, names: Collection[str], with_none: Collection[str]) -> Any:
    for name in names:
        column = frame[name].astype(object)
        frame[name] = column.where(column.notna(), None) if name in with_none else column
    return frame


def _categories(inputs: Inputs, says: Says) -> dict[str, Any]:
    """Of the columns that are pandas' categories, what each may hold."""
    texts = {
        field.name: list(field.categories or field.examples)
        for field in inputs.fields
        if says.categorical and field.is_text
    }
    numbers = {
        one.name: np.array(one.values, dtype=one.dtype) if one.dtype else list(one.values)
        for one in says.numbered
    }
    return texts | numbers


def _frame(
    inputs: Inputs,
    names: Sequence[str],
    categories: dict[str, Any],
    strict: Collection[str] = (),
) -> Door:
    """Of the columns in `strict`, what is no category is an error; of others it is missing."""
    import pandas

    known = {name: pandas.CategoricalDtype(values) for name, values in categories.items()}

    def frame(rows: Rows) -> Any:
        if inputs.matrix is not None:
            order = _order(inputs.names, names)
            made = pandas.DataFrame(rows if order is None else rows[:, order], columns=names)
        else:
            made = pandas.DataFrame(
                {name: pandas.Series(_column(rows, inputs, name), copy=False) for name in names}
            )
        for name, dtype in known.items():
            column = made[name]
            there = column.isin(dtype.categories)
            if name in strict and not (there | column.isna()).all():
                said = ", ".join(map(str, dtype.categories[:_SHOWN]))
                unknown = column[~there & column.notna()].iloc[0]
                raise ValueError(f"{unknown:g} is no category of {name}, which are {said}")
            made[name] = column.where(there).astype(dtype)
        return made

    return frame
