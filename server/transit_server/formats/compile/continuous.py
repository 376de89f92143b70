"""Whether a scikit-learn model may be computed in 32-bit floats: its answers must not jump.

A tree, a neighbour or a bin says one thing at 4.5 and another just above it. Behind a scaler, the
last bits decide on which side a row is, and rows of whole numbers are on the very bounds: no rows
that are made up find that. Neighbour: `estimators` asks before it converts anything.
"""

from typing import Any

from transit_server.formats.base import NotCompiled
from transit_server.formats.estimators.walk import nested

# Modules of scikit-learn whose estimators change their answers a little where rows do.
_CONTINUOUS = (
    *("calibration", "compose", "decomposition", "discriminant_analysis", "dummy"),
    *("feature_selection", "gaussian_process", "kernel_approximation", "linear_model"),
    *("model_selection", "multiclass", "neural_network", "pipeline", "svm"),
)
# Of modules that have both kinds.
_NAMES = (
    *("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "Normalizer"),
    *("PolynomialFeatures", "PowerTransformer", "SplineTransformer", "KernelCenterer"),
    *("LabelEncoder", "LabelBinarizer", "SimpleImputer", "VotingClassifier", "StackingClassifier"),
    *("GaussianNB", "MultinomialNB", "ComplementNB"),
)


def refuse_jumps(model: Any) -> None:
    """Raises `NotCompiled`."""
    parts = list(nested(model))
    jumping = [one for one in parts if not _is_continuous(one)]
    if not jumping or (all(map(_of_trees, jumping)) and not any(map(_computes, parts))):
        return
    raise NotCompiled(
        f"where a {type(jumping[0]).__name__} goes from one answer to another, the last bits "
        "decide, and compiled models have 32 only"
    )


def _is_continuous(one: Any) -> bool:
    if getattr(one, "loss", "") == "modified_huber":  # shares of nothing are even
        return False
    if getattr(one, "method", "") == "isotonic":  # a stair
        return False
    return type(one).__name__ in _NAMES or _module(one) in _CONTINUOUS


def _of_trees(one: Any) -> bool:
    """They turn rows into 32-bit floats themselves, all but those of histograms."""
    return _module(one) in ("tree", "ensemble") and not type(one).__name__.startswith("Hist")


def _computes(one: Any) -> bool:
    """Whether parts of it see other numbers than those of the row."""
    name = type(one).__name__
    return bool(getattr(one, "steps", None)) or name in ("ColumnTransformer", "StackingClassifier")


def _module(one: Any) -> str:
    root, _, rest = type(one).__module__.partition(".")
    return rest.partition(".")[0] if root == "sklearn" else ""
