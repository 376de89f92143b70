"""Completes a description by what the model's file knows of itself, and tells what differs.

`pack` on the command line fills in what its user didn't say: task, classes, features, names, dtypes
and versions of libraries. What the user said and the file contradicts is a mistake, told here at
the desk. Neighbours: `desk` opens the file, in a process of its own.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transit_models.counting import counted
from transit_models.errors import InvalidMetadata
from transit_models.packing import desk
from transit_models.packing.pack import Description, lay_out, seal

_TASKS_OF_CLASSES = ("classification", "binary", "label")


@dataclass(frozen=True)
class Drafted:
    """`notes` are for whoever packs the model."""

    described: Description
    notes: tuple[str, ...] = ()


def drafted(
    described: Description, model_file: Path, steps: Sequence[Path], *, task_said: bool
) -> Drafted:
    """Raises `InvalidMetadata` where user and file contradict each other, or both don't say what is
    needed.
    """
    try:
        said = _asked(described, model_file, steps, task_said)
    except desk.NotAsked as why:
        return _unseen(described, str(why))
    if "refused" in said:
        raise InvalidMetadata(f"{model_file}: {said['refused']}")
    if "unread" in said:
        return _unseen(described, said["unread"])
    return _filled(described, said, task_said, "preprocessing" if steps else "the model")


def _unseen(described: Description, why: str) -> Drafted:
    note = f"the model was not looked into: {why}"
    if not described.features:
        raise InvalidMetadata(f"{note}. To pack it all the same, give --features")
    return Drafted(_complete(described), (note,))


def _asked(
    described: Description, model_file: Path, steps: Sequence[Path], task_said: bool
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="transit-look-") as scratch:
        directory = Path(scratch)
        lay_out(directory, model_file, steps)
        draft = replace(
            described,
            features=described.features or 1,
            task=described.task if described.labels else "regression",
            shape=described.shape if described.features else (),
            dtype=described.dtype or "float32",
        )
        seal(directory, draft)
        tasks = [described.task] if task_said else []
        if described.labels and not task_said:
            tasks = ["classification", "label"]
        return desk.ask("look", directory, *tasks)


def _filled(described: Description, said: dict[str, Any], task_said: bool, first: str) -> Drafted:
    """`first` sees the requests, and says what it takes."""
    notes = [str(note) for note in said["notes"]]
    classes = said["classes"] or []
    task = described.task if task_said else said["task"]
    if described.labels and task not in _TASKS_OF_CLASSES:
        raise InvalidMetadata(f"labels are given, and the model is made for the task {task}")
    labels = list(described.labels)
    if task in _TASKS_OF_CLASSES and not labels:
        labels = list(classes)
        if not labels:
            raise InvalidMetadata("the model does not name its classes: give --labels in order")
        notes.append(f"labels are the model's own: {', '.join(labels)}")
    if labels and classes and len(labels) != len(classes):
        raise InvalidMetadata(
            f"the model has {counted(len(classes), 'class', 'classes')} "
            f"({', '.join(classes)[:300]}), "
            f"and gets {counted(len(labels), 'label')} ({', '.join(labels)[:300]})"
        )
    features = said["features"]
    if described.features and features and described.features != features:
        raise InvalidMetadata(
            f"{first} takes {counted(features, 'feature')}, not {described.features}"
        )
    if said["can_be_missing"] and not described.missing:
        notes.append(f"{first} can take missing values: --missing lets requests have null")
    return Drafted(
        _complete(
            replace(
                described,
                task=task,
                labels=labels,
                features=described.features or features or 0,
                names=described.names or said["names"],
                inputs=described.inputs or said["inputs"],
                dtype=described.dtype or said["dtype"],
                dependencies={**said["dependencies"], **described.dependencies},
                framework_version=described.framework_version
                or next(iter(said["dependencies"].values()), ""),
            )
        ),
        tuple(notes),
    )


def _complete(described: Description) -> Description:
    if not described.features:
        raise InvalidMetadata("how many features a request has is not known: give --features")
    return replace(described, dtype=described.dtype or "float32")
