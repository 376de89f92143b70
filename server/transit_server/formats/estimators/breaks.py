"""Estimators whose answers changed between versions of scikit-learn, though their files still open.

Each is known by what the fitted object holds, where that tells it: a file may have been written
anew. What isn't listed here is proven by `answers.npy` (see `agreeing.proof`). What is only kept
otherwise today is no break: `older` mends it.
"""

from typing import Any

from transit_server.formats.base import UnsupportedModel
from transit_server.formats.estimators.walk import nested


def refuse_known(estimator: Any, written: str, here: str) -> None:
    """Raises `UnsupportedModel` for an estimator that would answer otherwise than it did."""
    for one in nested(estimator):
        if not type(one).__module__.startswith("sklearn."):
            continue
        why = _logistic(one) or _real_boosting(one) or _scaled_parts(one, written)
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


def _real_boosting(one: Any) -> str | None:
    """Since 1.6 every AdaBoostClassifier is of the algorithm SAMME, whatever it was."""
    if type(one).__name__ == "AdaBoostClassifier" and vars(one).get("algorithm") == "SAMME.R":
        return "is of the algorithm SAMME.R, which scikit-learn no longer computes"
    return None


def _scaled_parts(one: Any, written: str) -> str | None:
    """Since 1.5 the coefficients are those of rows that are not scaled; nothing in it tells."""
    if type(one).__name__ not in ("PLSRegression", "PLSCanonical", "CCA"):
        return None
    numbers = [int(part) for part in written.split(".")[:2] if part.isdigit()]
    if len(numbers) == 2 and numbers < [1, 5]:
        return "keeps coefficients of scaled rows, which scikit-learn takes for others since 1.5"
    return None
