"""`answers.npy`: what the author's own library said to the rows of `probe.npy`, asked again here.

It catches at once what nothing else can see: another version's answers, labels in another order,
trees left out. Numbers are compared in the model's own order of classes, an array with a field for
each class and texts by name. Neighbours: `transit_models.packing.answers` writes the file.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.counting import counted
from transit_models.errors import InvalidMetadata
from transit_models.integrity import VerifiedVersion
from transit_models.probe import own_rows
from transit_models.schema import Classes, Inputs
from transit_server.formats.agreeing.outputs import Answers
from transit_server.formats.base import Engine, Predict, Rows, UnsupportedModel

_CLOSE = 1e-4


def check(
    version: VerifiedVersion,
    inputs: Inputs,
    prepare: Callable[[Any], Any] | None,
    predict: Predict,
    engine: Engine,
    mapped: Answers,
    enter: Callable[[Rows], Any] | None,
) -> Rows | None:
    """The rows that are proven, None of a version that brings no answers. Raises `UnsupportedModel`
    when the model's differ.
    """
    if version.answers is None:
        return None
    if version.probe is None:
        raise UnsupportedModel("answers.npy says nothing without probe.npy, the rows asked")
    rows = own_rows(version, inputs)
    try:
        wanted = np.load(version.answers, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidMetadata(f"{version.answers} is no NumPy array file: {error}") from error
    if not 0 < len(wanted) <= len(rows):
        raise UnsupportedModel(
            f"answers.npy has {counted(len(wanted), 'row')}, and probe.npy {len(rows)}"
        )
    rows = rows[: len(wanted)]
    values = rows if prepare is None else prepare(rows)
    labels = mapped.outputs.labels if isinstance(mapped.outputs, Classes) else ()
    if wanted.dtype.names is not None or wanted.dtype.kind in "US":
        _by_name(wanted, predict(values), labels)
    elif wanted.ndim == 1 and labels and mapped.probabilities and len(labels) != 2:
        _by_class(wanted, engine, predict(values))
    else:
        taken = values if prepare is not None or enter is None else enter(values)
        _numbers(wanted, np.asarray(_flat(engine.run(taken))))
    return rows


def _flat(said: Any) -> Any:
    if isinstance(said, tuple):
        return np.concatenate([np.asarray(part).reshape(len(part), -1) for part in said], axis=1)
    return said


def _by_name(wanted: NDArray[Any], scores: NDArray[Any], labels: tuple[str, ...]) -> None:
    """By label: the probability of each, or the one that was chosen."""
    folded = {label.casefold(): place for place, label in enumerate(labels)}
    if wanted.dtype.names is not None:
        there = {name.casefold(): name for name in wanted.dtype.names}
        if set(there) != set(folded):
            raise UnsupportedModel(
                f"answers.npy is of the classes {', '.join(wanted.dtype.names)}, "
                f"and the labels are {', '.join(labels)}"
            )
        columns = [wanted[there[label.casefold()]] for label in labels]
        _numbers(np.stack(columns, axis=1), scores)
        return
    said = [labels[place].casefold() for place in scores[:, : len(labels)].argmax(axis=1)]
    _same([str(item).casefold() for item in wanted.tolist()], said)


def _by_class(wanted: NDArray[Any], engine: Engine, scores: NDArray[Any]) -> None:
    """What `predict` said: a class of the model's own each."""
    classes = engine.says.classes or tuple(range(scores.shape[1]))
    said = [classes[place] for place in scores.argmax(axis=1)]
    _same(wanted.tolist(), said)


def _same(wanted: list[Any], said: list[Any]) -> None:
    wrong = [row for row, (a, b) in enumerate(zip(wanted, said, strict=True)) if a != b]
    if wrong:
        raise UnsupportedModel(
            f"its class differs from answers.npy in {len(wrong)} of "
            f"{counted(len(wanted), 'row')}, first in row {wrong[0]}: "
            f"{said[wrong[0]]!r}, and the author's library said {wanted[wrong[0]]!r}"
        )


def _numbers(wanted: NDArray[Any], said: NDArray[Any]) -> None:
    if said.ndim == 1:
        said = said.reshape(-1, 1)
    wanted = wanted.reshape(len(wanted), -1).astype(np.float64)
    if wanted.shape[1] == 1 and said.shape[1] == 2:  # of two classes, the second's alone
        said = said[:, 1:]
    elif wanted.shape[1] == 2 and said.shape[1] == 1:
        said = np.hstack((1.0 - said, said))
    if wanted.shape != said.shape:
        raise UnsupportedModel(
            f"answers.npy has {counted(wanted.shape[1], 'column')}, "
            f"and the model answers {said.shape[1]}"
        )
    allowed = _CLOSE * np.maximum(1.0, np.abs(wanted))
    difference = np.abs(wanted - said.astype(np.float64))
    if not (difference <= allowed).all():
        row = int(np.argmax((difference - allowed).max(axis=1)))
        raise UnsupportedModel(
            f"its answers differ from answers.npy by up to {np.nanmax(difference):.2g}, most in "
            f"row {row}: {np.round(said[row], 4).tolist()[:8]}, and the author's library said "
            f"{np.round(wanted[row], 4).tolist()[:8]}"
        )
