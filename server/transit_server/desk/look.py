"""What a model's file says of itself, as JSON: `python -m transit_server.desk.look DIRECTORY`.

`transit-models pack` asks it. The directory holds a version that is not sealed yet; its metadata
are a draft, in which the task may be missing. What requests have to hold is said by the first that
sees them: preprocessing, where there is some.
"""

import json
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from transit_models.errors import ModelStoreError
from transit_models.integrity import VerifiedVersion, version_in
from transit_models.schema import Input
from transit_server.formats import opening, preparation
from transit_server.formats.agreeing.inputs import OPEN
from transit_server.formats.agreeing.outputs import no_probabilities
from transit_server.formats.base import (
    Engine,
    Says,
    Source,
    Unreadable,
    UnsupportedModel,
    first_line,
)

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
            classes = _likely_classes(engine)
            if classes > 1:
                raise UnsupportedModel(
                    f"it answers what looks like the probabilities of {classes} classes, and does "
                    "not name them: give --labels in order, or --task tensors"
                )
            continue  # networks of one number are regressions, unless somebody gives labels
        first = preparation.load(trial, 1)
        return _described(engine, task, engine.says if first is None else first.says)
    raise UnsupportedModel(refused[0] if refused else "it answers no task")


def _opened(trial: VerifiedVersion) -> Engine:
    """By what the file says; if that leaves its shape open, by what the draft says."""
    try:
        return opening.original(Source(trial.model_file, trial, None))
    except UnsupportedModel as error:
        row = trial.metadata.signature.inputs.matrix
        if isinstance(error, Unreadable) or OPEN not in str(error) or row is None or row.size < 2:
            raise
        return opening.original(Source(trial.model_file, trial, row))


def _with_task(draft: VerifiedVersion, task: str) -> VerifiedVersion:
    return replace(draft, metadata=draft.metadata.model_copy(update={"task": task}))


def _likely_classes(engine: Engine) -> int:
    """How many probabilities a network of one matrix answers, as far as made-up rows tell."""
    says = engine.says
    if says.takes != "matrix" or not says.features:
        return 0
    rows = np.random.default_rng(0).uniform(0, 1, (4, says.features))
    try:
        scores = np.asarray(engine.run(np.rint(rows * 3).astype(says.dtype or "float32")))
    except Exception:  # rows that it can't take say nothing of its answers
        return 0
    likely = scores.ndim == 2 and np.isfinite(scores).all() and no_probabilities(scores) is None
    return scores.shape[1] if likely else 0


def _described(engine: Engine, task: str, first: Says) -> dict[str, Any]:
    says = engine.says
    return {
        "task": task,
        "classes": None if says.classes is None else [str(item) for item in says.classes],
        "features": first.features or len(first.fields) or None,
        "names": list(first.names),
        "dtype": first.dtype,
        "inputs": [_input(field) for field in first.fields],
        "dependencies": _versions(engine.name),
        "can_be_missing": first.missing,
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


def said(directory: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    """The same, with what is wrong as an answer, too."""
    try:
        return look(directory, tasks or TASKS)
    except Unreadable as error:
        return {"unread": str(error)}
    except (UnsupportedModel, ModelStoreError) as error:
        return {"refused": str(error)}
    except BaseException as error:  # a pickle may raise anything
        return {"unread": f"{type(error).__name__}: {first_line(error)}"}


def main() -> None:
    print(json.dumps(said(Path(sys.argv[1]), tuple(sys.argv[2:]))))


if __name__ == "__main__":
    main()
