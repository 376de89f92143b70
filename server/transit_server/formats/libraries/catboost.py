"""Gradient-boosted trees of CatBoost: `.cbm`, and models in pickles. The package is an extra."""

from typing import Any

import catboost
import numpy as np

from transit_models.schema import TEXT, Input
from transit_server.formats.base import Engine, Gives, Says, Source, UnsupportedModel

PROBABILITIES = ("Logloss", "CrossEntropy", "MultiClass")


def load(source: Source) -> Engine:
    model = catboost.CatBoost()
    model.load_model(str(source.path))
    return engine(model, source)


def engine(model: catboost.CatBoost, source: Source) -> Engine:
    """A model, wherever it came from. Raises `UnsupportedModel`."""
    loss = str(model.get_all_params().get("loss_function", ""))
    gives = _gives(loss, source.task)
    kind = "Probability" if gives == "probabilities" else "RawFormulaVal"
    if gives == "label":
        kind = "Class"
    threads = source.threads
    names = tuple(map(str, model.feature_names_))
    named = names != tuple(str(number) for number in range(len(names)))

    def run(rows: Any) -> Any:
        return np.asarray(model.predict(rows, prediction_type=kind, thread_count=threads))

    classes = tuple(np.asarray(model.classes_).tolist()) if gives != "value" else None
    says = Says(
        gives=gives,
        classes=classes or None,
        features=len(names),
        names=names if named else (),
        dtype="float32",
        missing=True,
        **columns(model),
    )
    return Engine(run, "catboost", says, model)


def _gives(loss: str, task: str) -> Gives:
    if task == "regression":
        return "value"
    if task == "label":
        return "label"
    if task not in ("classification", "binary"):
        raise UnsupportedModel(f"CatBoost's {loss} does not answer the task {task}")
    if loss.partition(":")[0] not in PROBABILITIES:
        known = ", ".join(PROBABILITIES)
        raise UnsupportedModel(
            f"its loss {loss or 'unknown'} gives no probabilities, known to are {known}: "
            "train with one of them, or pack it with --task regression"
        )
    return "probabilities"


def columns(model: Any) -> dict[str, Any]:
    """Categories and texts are given as such, so rows are objects."""
    names = tuple(map(str, model.feature_names_))
    texts = {*model.get_cat_feature_indices(), *model.get_text_feature_indices()}
    if not texts:
        return {}
    fields = tuple(
        Input(name, TEXT) if number in texts else Input(name, "float32", missing=True)
        for number, name in enumerate(names)
    )
    return {"takes": "objects", "fields": fields}
