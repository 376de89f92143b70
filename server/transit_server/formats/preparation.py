"""Preprocessing that a version brings: one or several pickles with `transform`, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.file_formats import PREPROCESSING_FORMAT
from transit_models.first_bytes import refuse_other
from transit_models.integrity import VerifiedVersion
from transit_models.schema import Inputs
from transit_server.formats.agreeing.door import door
from transit_server.formats.base import Rows, Says, UnsupportedModel
from transit_server.formats.estimators.pickles import opened
from transit_server.formats.estimators.walk import use_threads

Stage = Callable[[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Preparation:
    """`says` is what the first step takes."""

    steps: tuple[Callable[[Any], Any], ...]
    says: Says

    def stage(self, inputs: Inputs, dtype: np.dtype[Any]) -> Stage:
        """From rows to the matrix that the model gets, in `dtype`."""
        enter = door(inputs, self.says)
        steps = self.steps if enter is None else (enter, *self.steps)
        (*before, last) = steps

        def prepare(rows: Rows) -> NDArray[Any]:
            values: Any = rows
            for step in before:
                values = step(values)
            values = last(values)
            if hasattr(values, "toarray"):  # a sparse matrix
                values = values.toarray()
            return np.asarray(values, dtype=dtype)

        return prepare


def load(version: VerifiedVersion, threads: int) -> Preparation | None:
    """Runs the code of the pickles. Raises `UnsupportedModel`, `ModelStoreError`, and what is no
    `Exception`.
    """
    if not version.steps:
        return None
    steps, says = [], Says(gives="value")
    for number, path in enumerate(version.steps):
        refuse_other(path, PREPROCESSING_FORMAT)
        step = opened(path).thing
        transform = getattr(step, "transform", None)
        if not callable(transform):
            raise UnsupportedModel(f"what {path.name} holds has no transform(X)")
        if hasattr(step, "get_params"):
            from transit_server.formats.libraries import sklearn

            use_threads(step, threads)
            if number == 0:
                says = sklearn.taken(step)
        steps.append(transform)
    return Preparation(tuple(steps), says)
