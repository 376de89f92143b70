"""Rows to warm a model up with, and to hold a compiled model against the original.

Neighbours: a version may bring its own in `probe.npy` (real inputs are the best probes); the
server's warm-up and its check on load use `probe_rows`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.errors import InvalidMetadata
from transit_models.integrity import VerifiedVersion
from transit_models.schema import Input, Inputs

_SEED = 20251005


def probe_rows(version: VerifiedVersion, rows: int, inputs: Inputs | None = None) -> NDArray[Any]:
    """`rows` plausible inputs, before preprocessing, always the same: (rows, features) in the
    dtype of `inputs` (those of the metadata, if none are given), or a structured array where those
    are no matrix.

    From `probe.npy` of the version, repeated when it has fewer; without one, numbers around 1.0,
    all positive, as a normalised measurement would be, and texts of the categories.

    Raises `InvalidMetadata` when `probe.npy` does not fit the inputs.
    """
    inputs = version.metadata.signature.inputs if inputs is None else inputs
    if version.probe is None:
        return made_up_rows(inputs, rows)
    own = _own(version, inputs)
    return np.resize(own, (rows, *own.shape[1:]))


def own_rows(version: VerifiedVersion, inputs: Inputs) -> NDArray[Any]:
    """All rows of `probe.npy`, as `probe_rows` gives them. Raises `InvalidMetadata`."""
    return _own(version, inputs)


def _own(version: VerifiedVersion, inputs: Inputs) -> NDArray[Any]:
    assert version.probe is not None
    try:
        own = np.load(version.probe, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidMetadata(f"{version.probe} is no NumPy array file: {error}") from error
    try:
        return as_rows(own, inputs)
    except ValueError as error:
        raise InvalidMetadata(f"{version.probe} {error}") from None


def as_rows(own: Any, inputs: Inputs) -> NDArray[Any]:
    """Somebody's array as rows of `inputs`. Raises `ValueError` when it does not fit."""
    matrix = inputs.matrix
    if matrix is None:
        return _table(own, inputs)
    wanted = f"must be a finite numeric array of shape (n, {matrix.size})"
    if not isinstance(own, np.ndarray):
        raise ValueError(wanted)
    if own.dtype.names is not None and set(own.dtype.names) == set(matrix.names):
        own = np.stack([own[name] for name in matrix.names], axis=1)
    if own.dtype.kind not in "fiub" or own.ndim < 2 or not len(own):
        raise ValueError(wanted)
    if own.ndim > 2:
        own = own.reshape(len(own), -1)
    finite = np.isfinite(own) | (np.isnan(own) & matrix.missing)
    if own.shape[1] != matrix.size or not finite.all():
        raise ValueError(wanted)
    rows: NDArray[Any] = own.astype(matrix.dtype)
    return rows


def _table(own: Any, inputs: Inputs) -> NDArray[Any]:
    """Structured rows, from a structured array whose fields are named alike."""
    names = [field.name for field in inputs.fields]
    if len(inputs.fields) == 1 and isinstance(own, np.ndarray) and own.dtype.names is None:
        rows = np.zeros(len(own), inputs.row_dtype)  # one input needs no name
        column = own.astype(object) if inputs.fields[0].is_object else own
        rows[names[0]] = column.reshape(rows[names[0]].shape)
        return rows
    if not isinstance(own, np.ndarray) or own.dtype.names is None or not len(own):
        raise ValueError(f"must be a structured array with the fields {', '.join(names)}")
    if set(own.dtype.names) != set(names):
        had = ", ".join(own.dtype.names)
        raise ValueError(f"has the fields {had}, and the model takes {', '.join(names)}")
    rows = np.zeros(own.shape[0], inputs.row_dtype)
    for field in inputs.fields:
        values = own[field.name]
        rows[field.name] = values.astype(object) if field.is_object else values
    return rows


def made_up_rows(inputs: Inputs, rows: int) -> NDArray[Any]:
    """For a version without `probe.npy`: see `probe_rows`."""
    random = np.random.default_rng(_SEED)
    matrix = inputs.matrix
    if matrix is not None:
        numbers = _numbers(matrix, random, (rows, matrix.size))
        for place, example in enumerate(matrix.examples):
            if example:
                numbers[:, place] = _number(example, matrix)
        return numbers
    made = np.zeros(rows, inputs.row_dtype)
    for field in inputs.fields:
        if field.is_text:
            texts = field.categories or field.examples or ("a text", "another one")
            made[field.name] = np.array([texts[n % len(texts)] for n in range(rows)], dtype=object)
        elif field.examples:
            seen = [_number(example, field) for example in field.examples]
            made[field.name] = np.resize(seen, rows).reshape(made[field.name].shape)
        else:
            made[field.name] = _numbers(field, random, made[field.name].shape)
    return made


def _number(example: str, field: Input) -> float:
    """Of ids that no float holds, the very one."""
    return int(example) if field.dtype[0] in "iu" else float(example)


def _numbers(field: Input, random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    if field.dtype[0] in "iu":
        return random.integers(0, 2, shape).astype(field.dtype)
    if field.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    return random.uniform(0.95, 1.05, shape).astype(field.dtype)
