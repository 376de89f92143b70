"""Scikit-learn models and what looks like them: `.pkl`, `.joblib`, `.sav`, `.pickle`.

Unpickling runs code: it happens only after the store's integrity check, see
`serving.starting.loading`. Neighbours: `estimators` opens and describes; `compile.estimators` makes
ONNX of some.
"""

import importlib
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from transit_server.formats.base import GIVEN_FOR, Engine, Gives, Says, Source, UnsupportedModel
from transit_server.formats.estimators import columns
from transit_server.formats.estimators.answering import (
    decides_otherwise,
    features_of,
    final,
    numbers,
    threshold,
)
from transit_server.formats.estimators.breaks import refuse_known
from transit_server.formats.estimators.pickles import LOADING, opened
from transit_server.formats.estimators.walk import nested, use_threads

# These turn what they are given into 32-bit floats themselves.
_IN_32_BITS = (
    *("RandomForest", "ExtraTrees", "DecisionTree", "ExtraTree", "GradientBoosting"),
    *("XGB", "IsolationForest"),
)
_OTHERWISE = (
    "its class is that of the largest probability, which for a few rows its own predict does not "
    "say (--task label answers what that says)"
)
# A library's own object in a pickle, and the format that knows it.
_NATIVE = {"xgboost.core": "xgboost", "lightgbm.basic": "lightgbm", "catboost.core": "catboost"}


def load(source: Source) -> Engine:
    """The original, as it was pickled."""
    found = opened(source.path)
    model = found.thing
    native = _NATIVE.get(type(model).__module__)
    if native is not None and not hasattr(model, "get_params"):
        with LOADING:
            module = importlib.import_module(f"transit_server.formats.libraries.{native}")
        return module.engine(model, source)  # type: ignore[no-any-return]
    return engine(model, source, found.written_by)


def engine(model: Any, source: Source, written: dict[str, str]) -> Engine:
    """An estimator, wherever it came from; `written` are the versions of its libraries, as far as
    they are others than those here. Raises `UnsupportedModel`.
    """
    _refuse_what_is_no_model(model)
    if _is_sklearn(model):
        refuse_known(model, written.get("scikit-learn", ""), _here("scikit-learn"))
    use_threads(model, source.threads)
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    run, says = described(model, source.task, written)
    note = _OTHERWISE if says.gives == "probabilities" and decides_otherwise(model) else ""
    return Engine(run, _library(model), says, model, note)


def described(
    model: Any, task: str, written: dict[str, str] | None = None
) -> tuple[Callable[[Any], Any], Says]:
    """How a model is asked for a task, and what it says of itself. Raises `UnsupportedModel`."""
    gives = GIVEN_FOR[task]
    says = Says(
        gives=gives, written_by=written or {}, **_taken(model), **_known(model, gives, task)
    )
    return _in_own_dtype(model, _way(model, gives), says), says


def _in_own_dtype(model: Any, run: Callable[[Any], Any], says: Says) -> Callable[[Any], Any]:
    """Centres of clusters are compared with rows of their own dtype, or not at all."""
    if says.takes != "matrix" or not any(hasattr(x, "cluster_centers_") for x in nested(model)):
        return run
    return lambda rows: run(rows.astype(says.dtype, copy=False))


def taken(model: Any) -> Says:
    """What a preprocessing step takes; what it gives is not asked."""
    return Says(gives="value", **_taken(model))


def _own_columns(model: Any) -> dict[str, Any]:
    """Of estimators that keep categories in a way of their library."""
    library = type(model).__module__.partition(".")[0]
    if library == "catboost":
        from transit_server.formats.libraries import catboost

        return catboost.columns(model)
    if library == "lightgbm" and hasattr(model, "booster_"):
        from transit_server.formats.libraries import lightgbm

        return lightgbm.categories(model.booster_)
    if library == "xgboost" and hasattr(model, "get_booster"):
        from transit_server.formats.libraries import xgboost

        return xgboost.categories(model.get_booster())
    return {}


def _taken(model: Any) -> dict[str, Any]:
    own = _own_columns(model)
    if own:
        return {**own, "features": len(own["fields"])}
    if columns.is_text_pipeline(model):
        return {"takes": "texts", "fields": columns.text_input(), "features": 1}
    names = columns.names_of(model)
    fields = columns.fields_of(model)
    features = features_of(model)
    inside = getattr(model, "steps", ()) or getattr(model, "transformers_", ())
    inside = inside or columns.needs_a_table(model)
    if fields and (inside or any(field.is_object for field in fields)):
        # What is inside may ask for columns by name; without names, by their place.
        return {
            "takes": "frame" if names else "objects",
            "fields": fields,
            "features": features,
            "categorical": hasattr(model, "is_categorical_"),
            "none_is_missing": columns.none_is_missing(model),
            "as_objects": columns.as_objects(model),
        }
    return {"features": features, "names": names, "dtype": _dtype(model)}


def _dtype(model: Any) -> str:
    for one in nested(model):
        if hasattr(one, "cluster_centers_"):
            return str(one.cluster_centers_.dtype)
    if own := columns.dtype_of(model):
        return own
    last = model
    while getattr(last, "steps", None):
        last = last.steps[0][1]
    name = type(last).__name__
    return "float32" if name.startswith(_IN_32_BITS) else "float64"


def _way(model: Any, gives: Gives) -> Callable[[Any], Any]:
    if gives == "probabilities":
        if not hasattr(model, "predict_proba"):
            raise UnsupportedModel(
                f"a {type(model).__name__} has no predict_proba, so it gives no probabilities: "
                f"pack it with {_instead(model)}"
            )
        if (limit := threshold(model)) is not None:
            raise UnsupportedModel(
                f"it decides by a threshold of its own ({limit:.4g}), and a classification answers "
                "the class of the largest probability: pack it with --task label, which answers "
                "what it decides, or save the estimator inside it"
            )
        return model.predict_proba  # type: ignore[no-any-return]
    if not hasattr(model, "predict"):
        raise UnsupportedModel(f"a {type(model).__name__} has no predict: it can't answer new rows")
    if gives == "outlier":
        if not hasattr(final(model), "offset_"):
            raise UnsupportedModel(f"a {type(model).__name__} does not tell outliers")

        def flags(rows: Any) -> Any:
            return np.stack((model.predict(rows), model.decision_function(rows)), axis=1)

        return flags
    if gives == "tensors":
        return lambda rows: (np.asarray(model.predict(rows)),)
    return model.predict  # type: ignore[no-any-return]


def _instead(model: Any) -> str:
    kind = getattr(model, "_estimator_type", "")
    if kind == "outlier_detector" or hasattr(model, "offset_"):
        return "--task outlier"
    if kind == "clusterer" or hasattr(model, "cluster_centers_"):
        return "--task cluster"
    if hasattr(model, "classes_"):
        return "--task label, which answers a class alone, or train it with probabilities"
    return "--task regression"


def _known(model: Any, gives: Gives, task: str) -> dict[str, Any]:
    """Classes and outputs."""
    if gives == "outlier":
        return {}
    width = numbers(model)
    if gives == "tensors":
        _refuse_texts(model)
        return {"outputs": (("values", width),)}
    if gives == "value" and width > 1:
        raise UnsupportedModel(
            f"a regression answers one number, and this {width}: pack it with --task tensors"
        )
    if gives == "value":
        return {}
    if task == "cluster":
        return {"classes": tuple(range(_clusters(model)))}
    classes = getattr(model, "classes_", None)
    if classes is None or not len(classes):  # as CatBoost's regressors have none
        return {}
    if width > 1 or (isinstance(classes, list) and classes and np.ndim(classes[0])):
        _refuse_texts(model)
        raise UnsupportedModel(
            f"it answers {width} classifications at once (multi-label): pack it with "
            "--task tensors, which answers what its predict does, or save a model for each"
        )
    return {"classes": tuple(np.asarray(classes).tolist())}


def _refuse_texts(model: Any) -> None:
    """Raises `UnsupportedModel` where what its predict answers is no number."""
    classes = getattr(model, "classes_", ())
    each = classes if isinstance(classes, list) else [classes]
    texts = [str(item) for item in np.ravel(each[0])[:3]] if len(each) else []
    if any(np.asarray(known).dtype.kind in "OUS" for known in each):
        raise UnsupportedModel(
            f"its classes are texts ({', '.join(texts)}, …), and the task tensors answers numbers: "
            "train it on their numbers (an OrdinalEncoder makes some), or save a model for each"
        )


def _clusters(model: Any) -> int:
    last = final(model)
    centers = getattr(last, "cluster_centers_", None)
    if centers is not None:
        return len(centers)
    for name in ("n_components", "n_clusters"):
        if hasattr(last, name) and hasattr(last, "predict") and not hasattr(last, "coef_"):
            return int(getattr(last, name))
    raise UnsupportedModel(f"a {type(model).__name__} does not say how many clusters it has")


def _refuse_what_is_no_model(thing: Any) -> None:
    if isinstance(thing, dict | list | tuple):
        what = ", ".join(map(str, thing)) if isinstance(thing, dict) else f"{len(thing)} things"
        raise UnsupportedModel(
            f"the file holds a {type(thing).__name__} ({what[:200]}), not a model: save each on "
            "its own, and pack the model with --preprocessing for each step before it, in order"
        )
    if not (hasattr(thing, "predict") or hasattr(thing, "predict_proba")):
        raise UnsupportedModel(
            f"the file holds a {type(thing).__name__}, which has no predict: it is no model"
        )


def _is_sklearn(model: Any) -> bool:
    return any(type(one).__module__.startswith("sklearn.") for one in nested(model))


def _library(model: Any) -> str:
    root = type(model).__module__.partition(".")[0]
    return {"sklearn": "scikit-learn"}.get(root, root)


def _here(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
