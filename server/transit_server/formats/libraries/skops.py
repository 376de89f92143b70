"""Scikit-learn's models in skops' files: `.skops`, a pickle's content without its code.

Only types that are known are made: what skops trusts, and what scikit-learn keeps its learned data
in, listed below. The package is an extra. Neighbours: `estimators.sound_trees` looks at what
scikit-learn follows unchecked, `sklearn` asks the model.
"""

import skops.io

from transit_server.formats.base import Engine, Source, UnsupportedModel
from transit_server.formats.estimators.pickles import heard
from transit_server.formats.estimators.sound_trees import unsound
from transit_server.formats.libraries import sklearn

_KERNELS = "sklearn.gaussian_process.kernels"
# Data of scikit-learn's own, in Python, beyond what skops trusts.
_DATA = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    *(f"sklearn.feature_selection._univariate_selection.{name}"
      for name in ("chi2", "f_classif", "f_regression")),
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *(f"{_KERNELS}.{name}"
      for name in ("ConstantKernel", "DotProduct", "ExpSineSquared", "Exponentiation", "Matern",
                   "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel")),
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
)  # fmt: skip
# And what `sound_trees` vouches for.
_TREES = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
_TRUSTED = (*_DATA, *_TREES)
_NEIGHBOURS = "train it with algorithm='brute'"
_WAYS = {
    "sklearn.neighbors._kd_tree.KDTree": _NEIGHBOURS,
    "sklearn.neighbors._ball_tree.BallTree": _NEIGHBOURS,
    "xgboost.": "save it with XGBoost's save_model",
    "lightgbm.": "save it with LightGBM's save_model",
    "catboost.": "save it with CatBoost's save_model",
}


def load(source: Source) -> Engine:
    unknown = set(skops.io.get_untrusted_types(file=source.path)) - set(_TRUSTED)
    if unknown:
        named = ", ".join(sorted(unknown))
        raise UnsupportedModel(
            f"{source.path.name} holds what is not known to be data alone: {named}. {_way(unknown)}"
        )
    found = heard(lambda: skops.io.load(source.path, trusted=list(_TRUSTED)))
    if (wrong := unsound(found.thing)) is not None:
        raise UnsupportedModel(f"{source.path.name} is not served: {wrong}")
    return sklearn.engine(found.thing, source, found.written_by)


def _way(unknown: set[str]) -> str:
    for start, way in _WAYS.items():
        if any(name.startswith(start) for name in unknown):
            return f"{way[:1].upper()}{way[1:]}, or save the model as ONNX"
    return "Train the model without it, or save it as ONNX"
