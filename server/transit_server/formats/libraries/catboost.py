"""Gradient-boosted trees of CatBoost: `.cbm`, and models in pickles. The package is an extra."""

from collections.abc import Callable
from typing import Any

import catboost
import numpy as np

from transit_models.schema import TEXT, Input
from transit_server.formats.base import Engine, Gives, Says, Source, UnsupportedModel

PROBABILITIES = ("Logloss", "CrossEntropy", "Focal", "MultiClass")
_PROBABILITY_EACH = ("MultiLogloss", "MultiCrossEntropy")
_OWN_KINDS = {
    "Poisson": "Exponent",
    "Tweedie": "Exponent",
    "RMSEWithUncertainty": "RMSEWithUncertainty",
    "MultiClassOneVsAll": "Probability",
}


def load(source: Source) -> Engine:
    model = catboost.CatBoost()
    model.load_model(str(source.path))
    return engine(model, source)


def engine(model: catboost.CatBoost, source: Source) -> Engine:
    """A model, wherever it came from. Raises `UnsupportedModel`."""
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    gives = _gives(loss, source.task)
    _refuse_thresholds(model, gives)
    kind = _kind(loss, gives)
    threads = source.threads
    names = tuple(map(str, model.feature_names_))
    named = names != tuple(str(number) for number in range(len(names)))

    def run(rows: Any) -> Any:
        return np.asarray(model.predict(rows, prediction_type=kind, thread_count=threads))

    taken = columns(model)
    classes = tuple(np.asarray(model.classes_).tolist())
    if gives == "label" and not classes:
        raise UnsupportedModel(
            f"CatBoost's {loss} gives no classes: pack it with --task regression"
        )
    width = _width(run, len(names), taken)
    if gives in ("value", "label") and width > 1:
        what = "a regression answers one number" if gives == "value" else "a label is one class"
        raise UnsupportedModel(f"{what}, and this {width}: pack it with --task tensors")
    said: dict[str, Any] = {}
    if gives == "tensors":
        said = {"outputs": (("values", width),)}
    elif gives != "value":
        said = {"classes": classes or None}
    says = Says(
        gives=gives,
        features=len(names),
        names=names if named else (),
        dtype="float32",
        missing=True,
        **taken,
        **said,
    )
    if gives == "tensors":
        return Engine(lambda rows: (run(rows),), "catboost", says, model)
    return Engine(run, "catboost", says, model)


def _kind(loss: str, gives: Gives) -> str:
    """Of its answers, that which CatBoost's own estimators give by default."""
    if gives == "label":
        return "Class"
    if gives == "probabilities" or loss in _PROBABILITY_EACH:
        return "Probability"
    return _OWN_KINDS.get(loss, "RawFormulaVal")


def _width(run: Callable[[Any], Any], features: int, taken: dict[str, Any]) -> int:
    """How many numbers a row gets; nothing in the model tells."""
    row = np.zeros((1, features), dtype=object if taken else np.float32)
    for number, field in enumerate(taken.get("fields", ())):
        row[0, number] = "" if field.is_text else 0.0
    return int(np.size(run(row)))


def _refuse_thresholds(model: Any, gives: Gives) -> None:
    """Raises `UnsupportedModel` where the largest probability is not what decides."""
    limit = model.get_metadata().get("binclass_probability_threshold")
    if limit is not None and gives == "probabilities":
        raise UnsupportedModel(
            f"it decides by a threshold of its own ({limit}), and a classification answers the "
            "class of the largest probability: pack it with --task label, which answers what it "
            "decides, or take the threshold out (set_probability_threshold(None)) and save it again"
        )


def _gives(loss: str, task: str) -> Gives:
    if task == "regression":
        return "value"
    if task == "label":
        return "label"
    if task == "tensors":
        return "tensors"
    if task not in ("classification", "binary"):
        raise UnsupportedModel(f"CatBoost's {loss} does not answer the task {task}")
    if loss not in PROBABILITIES:
        known = ", ".join(PROBABILITIES)
        several = loss in (*_PROBABILITY_EACH, "MultiClassOneVsAll")
        raise UnsupportedModel(
            f"its loss {loss or 'unknown'} gives no probabilities that add up to 1, known to are "
            f"{known}: train with one of them, or pack it with "
            f"--task {'tensors' if several else 'regression'}"
        )
    return "probabilities"


def columns(model: Any) -> dict[str, Any]:
    """Categories and texts are given as such, so rows are objects."""
    names = tuple(map(str, model.feature_names_))
    categories, texts = set(model.get_cat_feature_indices()), set(model.get_text_feature_indices())
    if not categories and not texts:
        return {}
    fields = tuple(
        Input(name, TEXT, spelled=number in categories)
        if number in categories or number in texts
        else Input(name, "float32", missing=True)
        for number, name in enumerate(names)
    )
    return {"takes": "objects", "fields": fields}
