"""How an estimator answers: how many numbers of a row it takes and gives, and whether it decides
by more than the largest probability.

Neighbour: the format `libraries.sklearn` refuses by it what would be answered otherwise than its
own `predict` does.
"""

from typing import Any

import numpy as np


def final(model: Any) -> Any:
    """What answers, of a pipeline, a search, or a regressor whose values are turned back."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif getattr(model, "steps", None):
            model = model.steps[-1][1]
        elif hasattr(model, "regressor_"):
            model = model.regressor_
        else:
            return model


def numbers(model: Any) -> int:
    """How many a row gets of `predict`; the last step is asked, whose rows are numbers."""
    last = final(model)
    if getattr(last, "out_activation_", None) == "softmax":
        return 1  # a network's outputs are the classes then, of which one is the answer
    if hasattr(last, "n_outputs_"):
        return int(last.n_outputs_)
    features = features_of(last)
    if features is None or not hasattr(last, "predict"):
        return 1
    try:
        return int(np.size(last.predict(np.ones((1, features)))))
    except Exception:  # a row that it can't take says nothing; what it answers is seen at load
        return 1


def features_of(model: Any) -> int | None:
    """How many a row has, if that is known; CatBoost says 0 of what it loaded, and has names."""
    return (
        int(getattr(model, "n_features_in_", None) or 0)
        or len(getattr(model, "feature_names_", None) or ())
        or None
    )


def decides_otherwise(model: Any) -> bool:
    """Whether its `predict` does not go by its probabilities, which were fitted beside it."""
    return type(final(model)).__name__ in ("SVC", "NuSVC", "NearestCentroid")


def threshold(model: Any) -> float | None:
    """Where it says yes, if that is not at the larger probability of two."""
    last = final(model)
    found = getattr(last, "best_threshold_", None)  # TunedThresholdClassifierCV
    if type(last).__name__ == "FixedThresholdClassifier":
        found = last.threshold
    if found is None and hasattr(last, "get_metadata") and hasattr(last, "set_feature_names"):
        found = last.get_metadata().get("binclass_probability_threshold")  # CatBoost
    return None if found is None or found == "auto" else float(found)
