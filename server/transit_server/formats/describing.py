"""What a model's file says of itself, in the words of metadata: its task, classes and inputs.

`open_for` finds the task that a model is made for. The desk's `look` asks it of a model that is
packed; a version of which nobody has described more than its file (`undescribed`, as MLflow's
registry has them) is described here, by what it says itself, before it is loaded.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from transit_models.integrity import VerifiedVersion
from transit_models.metadata import parse_metadata
from transit_models.schema import Input
from transit_server.formats import opening, preparation
from transit_server.formats.agreeing.inputs import OPEN
from transit_server.formats.agreeing.outputs import no_probabilities
from transit_server.formats.base import Engine, Says, Source, Unreadable, UnsupportedModel

# In this order, the first that the model is made for.
TASKS = ("classification", "outlier", "cluster", "label", "regression", "tensors")
OF_CLASSES = ("classification", "binary", "label")
_NAMELESS = ("onnxruntime", "tensorflow")
_UNNAMED = "the model does not name its classes: give --labels in order"
_WAY_OUT = "log_model(…, metadata={'transit': {'labels': […], 'task': …}}) says it"


def described(version: VerifiedVersion) -> VerifiedVersion:
    """The version, with what its model takes and answers where nobody has said it.

    Raises as `open_for`.
    """
    metadata = version.metadata
    if not metadata.undescribed:
        return version
    labels = metadata.output_schema.labels
    said = "task" in metadata.model_fields_set
    tasks = [metadata.task] if said else ["classification", "label"] if labels else TASKS
    try:
        engine, task, first = open_for(version, tasks)
    except Unreadable:
        raise
    except UnsupportedModel as error:
        raise UnsupportedModel(f"{error} ({_WAY_OUT})") from error
    names = list(labels)
    if task in OF_CLASSES and not names:
        names = [str(item) for item in engine.says.classes or ()]
    whole = {
        **metadata.plain(),
        "undescribed": False,
        "task": task,
        "output_schema": {
            "classes": len(names),
            "labels": names,
            "bins": metadata.output_schema.bins,
        },
        **inputs_of(first),
    }
    made = parse_metadata(whole, f"what the model of {metadata.model_name} says of itself")
    return replace(version, metadata=made)


def inputs_of(first: Says) -> dict[str, Any]:
    """What requests have to hold, by what the first that sees them says, as metadata have it."""
    if first.fields:
        return {
            "input_schema": {"features": len(first.fields)},
            "inputs": [input_of(field) for field in first.fields],
        }
    if not first.features:
        raise UnsupportedModel("it does not say how many features a request has")
    schema: dict[str, Any] = {"features": first.features, "dtype": first.dtype or "float32"}
    return {"input_schema": schema | ({"names": list(first.names)} if first.names else {})}


def input_of(field: Input) -> dict[str, Any]:
    """One of several inputs, as metadata have it."""
    made: dict[str, Any] = {"name": field.name, "dtype": field.dtype}
    if field.shape:
        made["shape"] = [1, *field.shape]
    if field.categories:
        made["categories"] = list(field.categories)
    if field.missing:
        made["missing"] = True
    return made


def open_for(version: VerifiedVersion, tasks: Sequence[str]) -> tuple[Engine, str, Says]:
    """The model, the first of `tasks` that it is made for, and what that says which sees requests
    first. Raises `UnsupportedModel` when it answers none of them.
    """
    refused: list[str] = []
    for task in tasks:
        trial = _with_task(version, task)
        try:
            engine = _opened(trial)
        except Unreadable:
            raise
        except UnsupportedModel as error:
            refused.append(str(error))
            continue
        unnamed = engine.says.classes is None and not version.metadata.output_schema.labels
        if unnamed and engine.says.gives == "label":
            continue
        if unnamed and engine.says.gives == "probabilities" and engine.name == "scikit-learn":
            refused.append(_UNNAMED)  # a mixture knows shares of its parts, which are clusters
            continue
        if unnamed and engine.says.gives == "probabilities" and engine.name in _NAMELESS:
            refused.append(_UNNAMED)
            classes = _likely_classes(engine)
            if classes > 1:
                raise UnsupportedModel(
                    f"it answers what looks like the probabilities of {classes} classes, and does "
                    "not name them: give --labels in order, or --task tensors"
                )
            continue  # networks of one number are regressions, unless somebody gives labels
        first = preparation.load(trial, 1)
        return engine, task, engine.says if first is None else first.says
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
