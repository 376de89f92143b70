"""Estimators whose answers changed between versions of scikit-learn, though their files still open.

Each is known by what the fitted object holds, not by the version alone: a file may have been
written anew. What isn't listed here is proven by `answers.npy` (see `proof`).
"""

from typing import Any

import numpy as np

from transit_server.formats.base import UnsupportedModel
from transit_server.formats.estimators.walk import nested


def refuse_known(estimator: Any, written: str, here: str) -> None:
    """Raises `UnsupportedModel` for an estimator that would answer otherwise than it did."""
    for one in nested(estimator):
        if not type(one).__module__.startswith("sklearn."):
            continue
        why = _logistic(one) or _counting_tree(one)
        if why is not None:
            raise UnsupportedModel(
                f"its {type(one).__name__} {why}: written by {written or 'an older version'}, run "
                f"by scikit-learn {here}. Train it with the version that is here, or save it as "
                "ONNX where it was trained"
            )


def _logistic(one: Any) -> str | None:
    """Since 1.8 every LogisticRegression of several classes is multinomial, and none of two is."""
    if type(one).__name__ not in ("LogisticRegression", "LogisticRegressionCV"):
        return None
    classes = getattr(one, "classes_", ())
    way = getattr(one, "multi_class", "auto")
    liblinear = getattr(one, "solver", "") == "liblinear"
    if len(classes) > 2 and (way == "ovr" or (way in ("auto", "deprecated") and liblinear)):
        return "is one-versus-rest, which scikit-learn no longer computes"
    if len(classes) == 2 and way == "multinomial":
        return "is multinomial with two classes, which scikit-learn no longer computes"
    return None


def _counting_tree(one: Any) -> str | None:
    """Until 1.2 the leaves of a classifier held how many rows fell there, now their shares."""
    tree = getattr(one, "tree_", None)
    if tree is None or not hasattr(one, "classes_") or not hasattr(tree, "value"):
        return None
    sums = np.asarray(tree.value).sum(axis=-1)
    return None if np.allclose(sums, 1.0, atol=1e-3) else "has counts in its leaves, not shares"
