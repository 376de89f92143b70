"""Gradient-boosted trees of XGBoost: `.json`, `.ubj`, and boosters in pickles.

Of a model with early stopping, the rounds after the best one are left out, as XGBoost's own
estimators do it. Neighbours: `compile.boosted` makes ONNX of it.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xgboost

from transit_models.counting import counted
from transit_models.errors import InvalidMetadata
from transit_models.packing.old_xgboost import converted
from transit_models.schema import TEXT, Input
from transit_server.formats.base import (
    Class,
    Engine,
    Gives,
    Numbered,
    Says,
    Source,
    UnsupportedModel,
    first_line,
)

# Objectives whose answers are probabilities; of multi:softmax they are made of its margins.
PROBABILITIES = ("multi:softprob", "binary:logistic", "reg:logistic")
_OF_MARGINS = "multi:softmax"
_EXAMPLES = 32
# Of categories that are numbers, the array's kind as the file has it.
_WHOLE = dict(
    enumerate(("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"), 9)
)


def load(source: Source) -> Engine:
    return engine(_opened(source.path), source)


def _opened(path: Path) -> xgboost.Booster:
    data = path.read_bytes()
    if data[:1] != b"{":  # inside an MLflow folder; else `pack` has converted it
        try:
            data = converted(path)
        except InvalidMetadata as error:
            raise UnsupportedModel(str(error)) from error
    try:
        return xgboost.Booster(model_file=bytearray(data))
    except xgboost.core.XGBoostError as error:
        raise UnsupportedModel(f"{path.name} can't be read: {first_line(error)}") from error


def engine(booster: xgboost.Booster, source: Source) -> Engine:
    """A booster, wherever it came from. Raises `UnsupportedModel`."""
    whole, kept = booster, categories(booster)  # which a part of it has lost
    wrapper = _wrapper(booster)
    missing = _marker(wrapper)
    booster, note = _best(booster)
    # A few rows at a time: waking more threads costs more than they bring.
    booster.set_param({"nthread": source.threads})
    objective = objective_of(booster)
    gives = _gives(objective, source.task)
    if gives != "tensors":
        _refuse_several(booster, source, gives)
    softmax = gives == "probabilities" and objective == _OF_MARGINS
    labels = gives == "label"
    names = tuple(booster.feature_names or ())
    kinds = booster.feature_types or []
    categorical = "c" in kinds
    # What inplace_predict can't do: categories by their codes, and linear boosters.
    slow = categorical or _kind_of(booster) == "gblinear"

    def run(rows: Any) -> Any:
        if slow:
            matrix = xgboost.DMatrix(
                rows,
                missing=missing,
                feature_names=list(names) or None,
                feature_types=kinds or None,
                enable_categorical=categorical,
            )
            said = np.asarray(booster.predict(matrix, output_margin=softmax))
        else:
            said = np.asarray(
                booster.inplace_predict(
                    rows, predict_type="margin" if softmax else "value", missing=missing
                )
            )
        if softmax:
            powers = np.exp(said - said.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        return said.astype(np.int64) if labels else said

    says = Says(
        gives=gives,
        classes=tuple(range(source.classes)) if labels else _classes(wrapper, gives),
        features=booster.num_features(),
        names=names,
        dtype="float32",
        missing=True,
        notes=(note,) if note else (),
        **kept,
    )
    if gives == "tensors":
        width = run(np.zeros((1, booster.num_features()), dtype=np.float32)).size
        says = msgspec.structs.replace(says, outputs=(("values", int(width)),))
        return Engine(lambda rows: (run(rows),), "xgboost", says, None, note)
    if says.takes == "frame":
        rounds = booster.num_boosted_rounds()
        return Engine(
            lambda frame: _of_frame(whole, frame, missing, rounds, softmax),
            *("xgboost", says, None, note),
        )
    plain = not (categorical or softmax or labels) and np.isnan(missing)
    return Engine(run, "xgboost", says, booster if plain else None, note)


def _wrapper(booster: xgboost.Booster) -> dict[str, Any]:
    """What the scikit-learn estimator of XGBoost 1 left in the file; later ones leave nothing."""
    try:
        said = json.loads(booster.attr("scikit_learn") or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _marker(wrapper: dict[str, Any]) -> float:
    """The number that stands for what is missing, NaN by default."""
    said = wrapper.get("missing")
    return float(said) if isinstance(said, int | float) else float("nan")


def _classes(wrapper: dict[str, Any], gives: Gives) -> tuple[Class, ...] | None:
    said = wrapper.get("classes_")
    return tuple(said) if gives == "probabilities" and isinstance(said, list) and said else None


def _refuse_several(booster: xgboost.Booster, source: Source, gives: Gives) -> None:
    """Raises `UnsupportedModel` where a row gets several values, or not as many classes as there
    are labels.
    """
    about = json.loads(booster.save_config())["learner"]["learner_model_param"]
    targets = int(about.get("num_target", 1))
    if targets > 1:
        what = "number" if gives == "value" else "class"
        raise UnsupportedModel(
            f"it answers {targets} values a row, each on its own, and its task is about one "
            f"{what}: pack it with --task tensors"
        )
    classes = max(2, int(about["num_class"]))
    if gives != "value" and source.classes not in (0, classes):
        raise UnsupportedModel(
            f"it has {classes} classes, and gets {counted(source.classes, 'label')}"
        )


def _of_frame(
    booster: xgboost.Booster, frame: Any, missing: float, rounds: int, softmax: bool
) -> Any:
    said = np.asarray(
        booster.predict(
            xgboost.DMatrix(frame, missing=missing, enable_categorical=True),
            iteration_range=(0, rounds),
            output_margin=softmax,
        )
    )
    if softmax:
        powers = np.exp(said - said.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return said


def categories(booster: Any) -> dict[str, Any]:
    """Columns with categories, where the model kept them (XGBoost 3.1 and later); else the
    categories' numbers are what it takes.
    """
    names = tuple(booster.feature_names or ())
    if "c" not in (booster.feature_types or ()):
        return {}
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    kept = learner["gradient_booster"].get("model", {}).get("cats", {}).get("enc", [])
    texts = {name: _texts(item) for name, item in zip(names, kept, strict=False)}
    numbered = tuple(
        Numbered(
            name=name,
            values=tuple(item["values"]),
            dtype=_WHOLE[item["type"]],
            strict=True,
        )
        for name, item in zip(names, kept, strict=False)
        if item.get("type") in _WHOLE and item.get("values")
    )
    if not any(texts.values()) and not numbered:
        return {}
    numbers = {one.name: tuple(map(str, one.values[:_EXAMPLES])) for one in numbered}
    fields = tuple(
        Input(name, TEXT, (), (), texts[name], True)
        if texts.get(name)
        else Input(name, "float64", missing=True, examples=numbers[name])
        if name in numbers
        else Input(name, "float32", missing=True)
        for name in names
    )
    return {"takes": "frame", "fields": fields, "categorical": True, "numbered": numbered}


def _texts(encoded: dict[str, list[int]]) -> tuple[str, ...]:
    """One string of UTF-8, and where in it each category begins."""
    if "offsets" not in encoded:
        return ()
    offsets, values = encoded["offsets"], bytes(n % 256 for n in encoded.get("values", []))
    try:
        return tuple(values[start:end].decode() for start, end in pairwise(offsets))
    except UnicodeDecodeError:
        raise UnsupportedModel(
            "XGBoost has cut off a category that is no ASCII when it was trained: encode the "
            "categories, in a pipeline or as ASCII"
        ) from None


def _best(booster: xgboost.Booster) -> tuple[xgboost.Booster, str]:
    """Up to the best round, if the training stopped early."""
    best = booster.attr("best_iteration")
    rounds = booster.num_boosted_rounds()
    if best is None or int(best) + 1 >= rounds:
        return booster, ""
    kept = booster[: int(best) + 1]
    kept.feature_names, kept.feature_types = booster.feature_names, booster.feature_types
    return kept, f"it uses {int(best) + 1} of {rounds} rounds: best_iteration is {best}"


def objective_of(booster: xgboost.Booster) -> str:
    learner = json.loads(booster.save_config())["learner"]
    return str(learner["objective"]["name"])


def _kind_of(booster: xgboost.Booster) -> str:
    learner = json.loads(booster.save_config())["learner"]
    return str(learner["gradient_booster"]["name"])


def _gives(objective: str, task: str) -> Gives:
    """Raises `UnsupportedModel` for an objective whose answers are something else than asked."""
    if task in ("classification", "binary"):
        if objective in (*PROBABILITIES, _OF_MARGINS):
            return "probabilities"
        raise UnsupportedModel(
            f"its objective {objective} gives no probabilities: {_way(objective)}"
        )
    if task == "regression":
        if objective.startswith("multi:"):
            raise UnsupportedModel(f"its objective {objective} gives classes, no number")
        return "value"
    if task == "label" and objective in ("multi:softmax", "binary:hinge"):
        return "label"
    if task == "tensors":
        return "tensors"
    raise UnsupportedModel(f"XGBoost's {objective} does not answer the task {task}")


def _way(objective: str) -> str:
    if objective == "binary:logitraw":
        return "set_param({'objective': 'binary:logistic'}) and save it again"
    if objective == "binary:hinge":
        return "pack it with --task label"
    if objective.startswith(("reg:", "rank:", "count:", "survival:")):
        return "pack it with --task regression"
    known = ", ".join((*PROBABILITIES, _OF_MARGINS))
    return f"known to give them are {known}"
