"""What a model's file says of itself, as JSON: `python -m transit_server.desk.look DIRECTORY`.

`transit-models pack` asks it. The directory holds a version that is not sealed yet; its metadata
are a draft, in which the task may be missing.
"""

import json
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from transit_models.integrity import VerifiedVersion, version_in
from transit_models.schema import Input
from transit_server.formats import whole
from transit_server.formats.base import (
    Engine,
    Says,
    Source,
    Unreadable,
    UnsupportedModel,
    first_line,
)
from transit_server.formats.inputs import OPEN

# In this order, the first that the model is made for.
TASKS = ("classification", "outlier", "cluster", "label", "regression", "tensors")
_NAMELESS = ("onnxruntime", "tensorflow")
_PACKAGES = {
    "scikit-learn": ("scikit-learn",),
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "lightgbm": ("lightgbm",),
    "catboost": ("catboost",),
}


def look(directory: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    """Raises `UnsupportedModel` when the model answers none of `tasks`."""
    draft = version_in(directory)
    refused: list[str] = []
    for task in tasks:
        trial = _with_task(draft, task)
        try:
            engine = _opened(trial)
        except Unreadable:
            raise
        except UnsupportedModel as error:
            refused.append(str(error))
            continue
        unnamed = engine.says.classes is None and not draft.metadata.output_schema.labels
        if unnamed and engine.says.gives == "label":
            continue
        if unnamed and engine.says.gives == "probabilities" and engine.name in _NAMELESS:
            refused.append("the model does not name its classes: give --labels in order")
            continue  # networks of one number are regressions, unless somebody gives labels
        return _described(engine, task)
    raise UnsupportedModel(refused[0] if refused else "it answers no task")


def _opened(trial: VerifiedVersion) -> Engine:
    """By what the file says; if that leaves its shape open, by what the draft says."""
    try:
        return whole.original(Source(trial.model_file, trial, None))
    except UnsupportedModel as error:
        row = trial.metadata.signature.inputs.matrix
        if isinstance(error, Unreadable) or OPEN not in str(error) or row is None or row.size < 2:
            raise
        return whole.original(Source(trial.model_file, trial, row))


def _with_task(draft: VerifiedVersion, task: str) -> VerifiedVersion:
    return replace(draft, metadata=draft.metadata.model_copy(update={"task": task}))


def _described(engine: Engine, task: str) -> dict[str, Any]:
    says: Says = engine.says
    return {
        "task": task,
        "classes": None if says.classes is None else [str(item) for item in says.classes],
        "features": says.features or len(says.fields) or None,
        "names": list(says.names),
        "dtype": says.dtype,
        "inputs": [_input(field) for field in says.fields],
        "dependencies": _versions(engine.name),
        "can_be_missing": says.missing,
        "notes": list(says.notes),
    }


def _input(field: Input) -> dict[str, Any]:
    described: dict[str, Any] = {"name": field.name, "dtype": field.dtype}
    if field.shape:
        described["shape"] = [1, *field.shape]
    if field.categories:
        described["categories"] = list(field.categories)
    if field.missing:
        described["missing"] = True
    return described


def _versions(engine: str) -> dict[str, str]:
    for package in _PACKAGES.get(engine, ()):
        try:
            return {_PACKAGES[engine][0]: version(package)}
        except PackageNotFoundError:
            continue
    return {}


def main() -> None:
    tasks = tuple(sys.argv[2:]) or TASKS
    try:
        said = look(Path(sys.argv[1]), tasks)
    except Unreadable as error:
        said = {"unread": str(error)}
    except UnsupportedModel as error:
        said = {"refused": str(error)}
    except BaseException as error:  # a pickle may raise anything
        said = {"unread": f"{type(error).__name__}: {first_line(error)}"}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
