"""What a model takes and what it answers: the one typed schema that store and server share.

`metadata` reads it from `metadata.json`; the server's formats state what a model itself says in the
same words, and hold the two against each other. Pure: NumPy types, no library of models.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np

TEXT = "string"
NUMBERS = (
    *("float32", "float64", "float16", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
# What NumPy and pandas call text, and dtypes by their Python names.
_ALSO = {"str": TEXT, "object": TEXT, "text": TEXT, "category": TEXT, "double": "float64"}

Task = Literal["classification", "binary", "regression", "label", "cluster", "outlier", "tensors"]
# What a table or a single text is called where the model has no name for it.
FEATURES, TEXT_INPUT = "features", "text"
INLIER, OUTLIER = "inlier", "outlier"


def dtype_name(text: str) -> str:
    """The schema's name for a dtype. Raises `ValueError` for what no input can be."""
    name = _ALSO.get(text, text)
    if name not in NUMBERS and name != TEXT:
        known = ", ".join((*NUMBERS, TEXT))
        raise ValueError(f"dtype {text!r} is not one of {known}")
    return name


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a row: a tensor of `shape` (without the batch axis, None where it is open), or
    a column of a table, whose shape is ().

    `names` are those of the features of a tensor with one axis. `categories` are the texts that a
    column may hold, () for any; `examples` some values that the model has seen, of a tensor with
    names one for each feature, "" where any will do. `missing`: null is a value, not a mistake.
    `spelled`: a whole number is the text of its digits, and true is 1.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] = ()
    names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    missing: bool = False
    examples: tuple[str, ...] = ()
    spelled: bool = False

    @property
    def size(self) -> int:
        """Numbers in one row; an open axis counts as 1."""
        size = 1
        for length in self.shape:
            size *= length or 1
        return size

    @property
    def is_text(self) -> bool:
        return self.dtype == TEXT

    @property
    def is_object(self) -> bool:
        """Whether its values are Python's: texts, and what can't be NaN where it may be missing."""
        return self.is_text or (self.missing and np.dtype(self.dtype).kind != "f")


@dataclass(frozen=True)
class Inputs:
    """All that a row consists of.

    A `matrix` is one tensor of numbers, as the guide has it: rows are (n, features). Everything
    else has a field for each input: rows are a structured array (n,), text as objects. What follows
    from the fields is worked out once: each request asks.
    """

    fields: tuple[Input, ...]

    @cached_property
    def matrix(self) -> Input | None:
        """The one tensor of numbers, if that is all there is."""
        only = self.fields[0]
        return only if len(self.fields) == 1 and only.shape and not only.is_text else None

    @cached_property
    def is_table(self) -> bool:
        """Whether each input is one value, so that a row can be written as one object."""
        return all(field.shape == () for field in self.fields)

    @cached_property
    def features(self) -> int:
        """Values in one row."""
        return sum(field.size for field in self.fields)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features by name, () where they have none."""
        matrix = self.matrix
        if matrix is not None:
            return matrix.names
        return tuple(field.name for field in self.fields) if self.is_table else ()

    @cached_property
    def wide(self) -> bool:
        """Whether anything is computed in 64 bits, so that answers have them as well."""
        return any(field.dtype in ("float64", "int64", "uint64") for field in self.fields)

    @cached_property
    def row_dtype(self) -> np.dtype[Any]:
        """Of the array that holds rows."""
        matrix = self.matrix
        if matrix is not None:
            return np.dtype(matrix.dtype)
        return np.dtype([(field.name, *_stored(field)) for field in self.fields])


def _stored(field: Input) -> tuple[Any, ...]:
    kind: Any = object if field.is_object else np.dtype(field.dtype)
    return (kind, tuple(length or 1 for length in field.shape)) if field.shape else (kind,)


def inputs_of(fields: tuple[Input, ...]) -> Inputs:
    """A table of numbers of one kind is a matrix with names: it is served as fast as one."""
    first = fields[0]
    alike = all(
        field.shape == ()
        and not field.is_object
        and not field.categories
        and (field.dtype, field.missing) == (first.dtype, first.missing)
        for field in fields
    )
    if not alike or len(fields) == 1:
        return Inputs(fields)
    names = tuple(field.name for field in fields)
    examples = tuple(field.examples[0] if field.examples else "" for field in fields)
    known = examples if any(examples) else ()
    return Inputs((Input(FEATURES, first.dtype, (len(fields),), names, (), first.missing, known),))


@dataclass(frozen=True, slots=True)
class Classes:
    """One class of `labels` a row, with the probability of each; or, not `probabilities`, the
    class alone, with a `score` beside it where the model gives one.

    `known_as` is what the model itself calls each label, () where it says so or doesn't care.
    """

    labels: tuple[str, ...]
    known_as: tuple[Any, ...] = ()
    probabilities: bool = True
    score: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """One number a row. `bins` are rising bounds that cut it into ranges, for drift."""

    bins: tuple[float, ...] = ()
    unit: str = ""

    @property
    def bin_labels(self) -> tuple[str, ...]:
        """One for each range, the lowest first; a bound belongs to the range above it."""
        return bin_labels(self.bins)


@dataclass(frozen=True, slots=True)
class Named:
    """One of several outputs, by the model's own name; its width is the model's affair."""

    name: str
    of: Classes | Number


@dataclass(frozen=True, slots=True)
class Several:
    """Outputs side by side; () are all that the model has, as they come."""

    outputs: tuple[Named, ...] = ()


Outputs = Classes | Number | Several


@dataclass(frozen=True, slots=True)
class Schema:
    """What a version says of its model. `says_dtype`: somebody wrote the dtype down; else it is the
    model's own. `says_inputs`: they are described one by one.
    """

    task: Task
    inputs: Inputs
    outputs: Outputs
    says_dtype: bool = True
    says_inputs: bool = False


def bin_labels(bins: tuple[float, ...]) -> tuple[str, ...]:
    """Names for the ranges that rising bounds make."""
    if not bins:
        return ()
    bounds = [f"{bound:.12g}" for bound in bins]
    inner = [f"{low}..{high}" for low, high in pairwise(bounds)]
    return (f"<{bounds[0]}", *inner, f">={bounds[-1]}")
