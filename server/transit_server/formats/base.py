"""What every format gives: an `Engine` that answers rows, and says in the model's own words what
it takes and what its answers are. Nothing here knows labels; `agreeing.outputs` alone maps to them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_models.integrity import VerifiedVersion
from transit_models.schema import Input, Schema, Task
from transit_server.formats.device import ON_CPU, Device

Rows = NDArray[Any]  # (n, features) of numbers, or a structured array (n,): see `Inputs.row_dtype`
Scores = NDArray[np.floating]
Predict = Callable[[Rows], Scores]

# probabilities: (n,) or (n, classes), in the order of `Says.classes`. value: one number a row.
# label: (n,), each one of the classes, whatever they are. outlier: (n, 2), 1 or -1 and a score.
# tensors: a tuple with an array (n, …) for each of `Says.outputs`.
Gives = Literal["probabilities", "value", "label", "outlier", "tensors"]
Takes = Literal["matrix", "frame", "objects", "texts", "tensors"]  # see `agreeing.door`
# What a version's task asks of a format that can answer all of them.
GIVEN_FOR: dict[str, Gives] = {
    "classification": "probabilities",
    "binary": "probabilities",
    "regression": "value",
    "label": "label",
    "cluster": "label",
    "outlier": "outlier",
    "tensors": "tensors",
}
Class = bool | int | float | str


class UnsupportedModel(Exception):
    """The file can be read, and this server has no way to serve what is in it."""


class Unreadable(UnsupportedModel):
    """The file can't be opened here: broken, or of a package that is missing."""


class NotCompiled(Exception):
    """The model can't be compiled, or not so that it is equal and faster; the original serves."""


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """A column of numbers that are categories. `dtype` is that of training where the library wants
    the very same; `strict`: a number that is none of them is an error, as it is to the library.
    """

    name: str
    values: tuple[float, ...]
    dtype: str = ""
    strict: bool = False


class Says(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of itself. `classes` are in the order of its answers, None where it doesn't
    name them. Of a matrix: `features` (None where any number will do), their `names` in the order
    that it wants, and `dtype`, that of its own arithmetic; of all else, `fields`. `notes` are for
    people, `written_by` is what saved it.
    """

    gives: Gives
    takes: Takes = "matrix"
    classes: tuple[Class, ...] | None = None
    features: int | None = None
    names: tuple[str, ...] = ()
    dtype: str = ""
    categorical: bool = False  # texts of a frame are pandas' categories
    numbered: tuple[Numbered, ...] = ()  # so are these columns of numbers
    none_is_missing: tuple[str, ...] = ()  # what is missing in these columns is None, else NaN
    as_objects: tuple[str, ...] = ()  # these columns of numbers hold Python's
    missing: bool = False
    fields: tuple[Input, ...] = ()
    outputs: tuple[tuple[str, int], ...] = ()  # name and width, of tensors
    notes: tuple[str, ...] = ()
    written_by: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Source:
    """What a format loads: the model in `path`, and what its version says. `row` is one row as it
    comes to the model, behind preprocessing, and `probes` are such rows; None where they are no
    matrix of numbers. `threads` may be used for one call.
    """

    path: Path
    version: VerifiedVersion
    row: Input | None
    probes: Rows | None = None
    threads: int = 1

    @property
    def schema(self) -> Schema:
        return self.version.metadata.signature

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return self.version.metadata.output_schema.classes

    @property
    def task(self) -> Task:
        return self.schema.task

    def probes_in(self, dtype: np.dtype[Any]) -> Rows | None:
        """The probes for a model that takes `dtype`: made-up ones are no whole numbers."""
        if self.probes is None or dtype.kind not in "iub" or self.version.probe is not None:
            return self.probes
        return np.rint(self.probes).astype(dtype)

    def at(self, path: Path) -> "Source":
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded model. `run` is called with what `Says.takes` names, and gives what `Says.gives`
    names, by one thread at a time. `native` is the library's own object, for who compiles it.
    It is exact until `relax` is called, and computes with TensorFloat-32 from then on; None where
    its device has no such thing.
    """

    run: Callable[[Any], Any]
    name: str
    says: Says
    native: Any = None
    note: str = ""
    only_compiled: bool = False  # it can't serve as it is
    device: Device = ON_CPU
    relax: Callable[[], None] | None = None


def largest_difference(left: Scores, right: Scores) -> float:
    """How far two answers to the same rows are apart; infinite when they can't be compared."""
    if left.shape != right.shape:
        return float("inf")
    difference = float(np.max(np.abs(left.astype(np.float64) - right.astype(np.float64))))
    return difference if np.isfinite(difference) else float("inf")


def first_line(error: BaseException) -> str:
    """What an error says, in one line that fits a message."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def cast(rows: Rows, dtype: np.dtype[Any]) -> Rows:
    """`rows` in the dtype of a model. Raises `ValueError` for what it can't hold: numbers that are
    not whole, or too large.
    """
    if rows.dtype == dtype:
        return rows
    with np.errstate(over="ignore"):
        made = rows.astype(dtype)
    if dtype.kind in "iub" and rows.dtype.kind == "f" and not np.array_equal(made, rows):
        raise ValueError(f"the model takes {dtype}, and a number is none")
    if dtype.kind == "f" and np.isinf(made).any():
        raise ValueError(f"the model takes {dtype}, and a number is too large for that")
    return made
