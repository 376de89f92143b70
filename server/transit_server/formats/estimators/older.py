"""What older versions of scikit-learn wrote, as the one that is here means it.

Two things changed without any number changing: where a class lives and what it is called, and what
a fitted object keeps. `older_names` lets such a pickle open, `mended` gives the object what today's
code asks for, from what yesterday's kept. Each is exact, and held in the tests against what the
older versions themselves answered. What is computed otherwise today is no case for this: see
`breaks`.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from inspect import Parameter, signature
from types import ModuleType
from typing import Any

import numpy as np

from transit_server.formats.estimators.columns import places_of
from transit_server.formats.estimators.walk import nested

# Modules that got an underscore in 0.22, and where their classes are now.
_MOVED = {
    **{f"sklearn.ensemble.{n}": f"sklearn.ensemble._{n}" for n in ("forest", "bagging", "base")},
    "sklearn.ensemble.gradient_boosting": "sklearn.ensemble._gb",
    "sklearn.ensemble.weight_boosting": "sklearn.ensemble._weight_boosting",
    "sklearn.ensemble.voting": "sklearn.ensemble._voting",
    "sklearn.ensemble.iforest": "sklearn.ensemble._iforest",
    "sklearn.tree.tree": "sklearn.tree._classes",
    "sklearn.svm.classes": "sklearn.svm._classes",
    "sklearn.linear_model.base": "sklearn.linear_model._base",
    "sklearn.linear_model.logistic": "sklearn.linear_model._logistic",
    "sklearn.linear_model.ridge": "sklearn.linear_model._ridge",
    "sklearn.linear_model.coordinate_descent": "sklearn.linear_model._coordinate_descent",
    "sklearn.linear_model.stochastic_gradient": "sklearn.linear_model._stochastic_gradient",
    "sklearn.linear_model.sgd_fast": "sklearn.linear_model._sgd_fast",
    "sklearn.neighbors.classification": "sklearn.neighbors._classification",
    "sklearn.neighbors.regression": "sklearn.neighbors._regression",
    "sklearn.neighbors.kd_tree": "sklearn.neighbors._kd_tree",
    "sklearn.neighbors.ball_tree": "sklearn.neighbors._ball_tree",
    "sklearn.neighbors.dist_metrics": "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._dist_metrics": "sklearn.metrics._dist_metrics",
    "sklearn.neural_network.multilayer_perceptron": (
        "sklearn.neural_network._multilayer_perceptron"
    ),
    "sklearn.cluster.k_means_": "sklearn.cluster._kmeans",
    "sklearn.decomposition.pca": "sklearn.decomposition._pca",
    "sklearn.decomposition.truncated_svd": "sklearn.decomposition._truncated_svd",
    "sklearn.preprocessing.data": "sklearn.preprocessing._data",
    "sklearn.preprocessing.label": "sklearn.preprocessing._label",
    "sklearn.preprocessing.imputation": "sklearn.impute._base",
    "sklearn.feature_selection.univariate_selection": (
        "sklearn.feature_selection._univariate_selection"
    ),
    "sklearn.externals.joblib.numpy_pickle": "joblib.numpy_pickle",
    "_loss": "sklearn._loss._loss",  # as the compiler called it for a while
}
_LOSSES = "sklearn.ensemble._gb_losses"  # gone in 1.4


_REST = "_RemainderColsList"


@contextmanager
def older_names() -> Iterator[None]:
    """What is gone from scikit-learn is there meanwhile; one thread at a time, see `pickles`."""
    added: list[tuple[ModuleType, str, Any]] = []
    modules: list[str] = []

    def put(module: ModuleType, name: str, value: Any) -> None:
        added.append((module, name, getattr(module, name, None)))
        setattr(module, name, value)

    def module(name: str, made: ModuleType) -> None:
        if name not in sys.modules:
            sys.modules[name] = made
            modules.append(name)

    try:
        for old, new in _MOVED.items():
            module(old, import_module(new))
        module(_LOSSES, _Named(_LOSSES))
        put(import_module("sklearn.tree._tree"), "Tree", _tree_class())
        _older_distances(put)
        _older_functions(put)
        if not hasattr(transforming := import_module("sklearn.compose._column_transformer"), _REST):
            put(transforming, _REST, _Columns)
        yield
    finally:
        for place, name, before in reversed(added):
            if before is None:
                delattr(place, name)
            else:
                setattr(place, name, before)
        for name in modules:
            del sys.modules[name]


class _Named(ModuleType):
    """A module that is gone, of whose classes nothing but the name is needed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Gone,), {"__module__": self.__name__})


class _Gone:
    """An object of a class that is gone."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.arguments = arguments


def _tree_class() -> type:
    from sklearn.tree import _tree

    class Tree(_tree.Tree):  # type: ignore[misc]
        """Before 1.3 a node did not say where missing values go: there were none."""

        def __setstate__(self, state: dict[str, Any]) -> None:
            wanted = _tree.NODE_DTYPE
            nodes = state["nodes"]
            missing = set(wanted.names) - set(nodes.dtype.names or ())
            if missing and missing <= {"missing_go_to_left"}:
                made = np.zeros(nodes.shape, wanted)
                for name in nodes.dtype.names:
                    made[name] = nodes[name]
                state = {**state, "nodes": made}
            super().__setstate__(state)

    return Tree


def _older_distances(put: Callable[[ModuleType, str, Any], None]) -> None:
    """Until 1.2 there was one of each, of 64 bits."""
    module = import_module("sklearn.metrics._dist_metrics")
    for name in dir(module):
        if name.endswith(("Distance64", "Metric64")):
            old = name.removesuffix("64")
            if not hasattr(module, old):
                put(module, old, getattr(module, name))


def _older_functions(put: Callable[[ModuleType, str, Any], None]) -> None:
    """How compiled losses came out of a pickle; predicting asks none of them for a number."""
    losses = import_module("sklearn._loss._loss")
    for name in dir(losses):
        if name.startswith("Cy") and not hasattr(losses, f"__pyx_unpickle_{name}"):
            put(losses, f"__pyx_unpickle_{name}", _unpickled)
    gradient = import_module("sklearn.linear_model._sgd_fast")
    for name in ("Log", "Hinge", "ModifiedHuber", "SquaredHinge", "SquaredLoss", "Huber"):
        if not hasattr(gradient, name):
            put(gradient, name, type(name, (_Gone,), {"__module__": gradient.__name__}))
    scorers = import_module("sklearn.metrics._scorer")  # of a search, which is over
    for name in ("_passthrough_scorer", "_PredictScorer", "_ProbaScorer", "_ThresholdScorer"):
        if not hasattr(scorers, name):
            put(scorers, name, type(name, (_Gone,), {"__module__": scorers.__name__}))


class _Columns(list[Any]):
    """What a ColumnTransformer of 1.5 to 1.7 kept the rest of its columns in."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self[:] = state["data"]


def _unpickled(kind: Any, _checksum: int, state: Any = None) -> Any:
    made = kind.__new__(kind, *(state or ()))
    made.__init__(*(state or ()))
    return made


def mended(thing: Any) -> Any:
    """`thing`, with what its newer classes look for."""
    for one in nested(thing):
        if not type(one).__module__.startswith("sklearn."):
            continue
        kept = vars(one)
        for mend in _MENDS:
            mend(one, kept)
    return thing


def _weights_of_words(one: Any, kept: dict[str, Any]) -> None:
    """Until 1.2 as a diagonal matrix. Without it words would go unweighted, and nobody be told."""
    if "_idf_diag" in kept and "idf_" not in kept:
        one.idf_ = np.asarray(kept["_idf_diag"].diagonal())


def _classes(one: Any, kept: dict[str, Any]) -> None:
    if type(one).__name__ not in ("RidgeClassifier", "RidgeClassifierCV"):
        return
    if "_label_binarizer" in kept and "classes_" not in kept:  # a pattern for others has neither
        one.classes_ = kept["_label_binarizer"].classes_


def _no_preprocessor(one: Any, kept: dict[str, Any]) -> None:
    if type(one).__name__.startswith("HistGradientBoosting") and "_preprocessor" not in kept:
        one._preprocessor = None


def _filled_dtype(one: Any, kept: dict[str, Any]) -> None:
    if type(one).__name__ == "SimpleImputer" and "_fit_dtype" in kept:
        kept.setdefault("_fill_dtype", kept["_fit_dtype"])


def _shares_in_leaves(one: Any, kept: dict[str, Any]) -> None:
    """Until 1.3 leaves of a classifier held how many rows fell there, and were divided later."""
    tree = kept.get("tree_")
    if tree is None or "classes_" not in kept:
        return
    sums = tree.value.sum(axis=-1, keepdims=True)
    if not np.allclose(sums, 1.0, atol=1e-3):
        tree.value[...] = tree.value / np.where(sums == 0.0, 1.0, sums)


def _loss_of_boosting(one: Any, kept: dict[str, Any]) -> None:
    """Until 1.3 a GradientBoosting had a loss of its own module."""
    loss = kept.get("_loss", kept.get("loss_"))
    if not isinstance(loss, _Gone):
        return
    from sklearn._loss import loss as losses

    made = {
        "BinomialDeviance": losses.HalfBinomialLoss,
        "MultinomialDeviance": lambda: losses.HalfMultinomialLoss(n_classes=len(one.classes_)),
        "ExponentialLoss": losses.ExponentialLoss,
        "LeastSquaresError": losses.HalfSquaredError,
        "LeastAbsoluteError": losses.AbsoluteError,
        "HuberLossFunction": losses.HuberLoss,
        "QuantileLossFunction": losses.PinballLoss,
    }.get(type(loss).__name__)
    if made is not None:
        one._loss = made()


def _lengths_of_paths(one: Any, kept: dict[str, Any]) -> None:
    """Since 1.3 an IsolationForest keeps what it used to compute for every call."""
    if type(one).__name__ != "IsolationForest" or "_decision_path_lengths" in kept:
        return
    from sklearn.ensemble import _iforest

    trees = [estimator.tree_ for estimator in kept.get("estimators_", ())]
    one._average_path_length_per_tree = [
        _iforest._average_path_length(tree.n_node_samples) for tree in trees
    ]
    one._decision_path_lengths = [tree.compute_node_depths() for tree in trees]


_RENAMED = (
    *(("estimator", "base_estimator"), ("estimator_", "base_estimator_")),
    *(("_n_support", "n_support_"), ("_probA", "probA_"), ("_probB", "probB_")),
)


def _later_parameters(one: Any, kept: dict[str, Any]) -> None:
    """What can be said to a class since then is unsaid: without it nothing looks at the object."""
    for new, old in _RENAMED:
        if old in kept and new not in kept:
            kept[new] = kept[old]
    for name, parameter in signature(type(one).__init__).parameters.items():
        if parameter.default is not Parameter.empty and not hasattr(one, name):
            kept[name] = parameter.default


def _names_of_columns(one: Any, kept: dict[str, Any]) -> None:
    """Before 1.0 the names were there and called otherwise; where each is was looked up anew."""
    names = kept.get("_feature_names_in")
    if type(one).__name__ != "ColumnTransformer" or names is None or "feature_names_in_" in kept:
        return
    one.feature_names_in_ = np.asarray(names, dtype=object)
    texts = [str(name) for name in names]
    one._transformer_to_input_indices = {
        name: places_of(columns, texts, len(texts)) for name, _, columns in one.transformers_
    }


def _number_of_features(one: Any, kept: dict[str, Any]) -> None:
    """Before 0.24 nobody counted; what was learned of each feature tells."""
    if "n_features_in_" in kept or hasattr(type(one), "n_features_in_"):
        return
    if "n_features_" in kept:
        one.n_features_in_ = int(kept["n_features_"])
        return
    for name in ("coef_", "support_vectors_", "theta_", "feature_log_prob_", "scale_"):
        learned = kept.get(name)
        if isinstance(learned, np.ndarray) and learned.ndim in (1, 2):
            one.n_features_in_ = int(learned.shape[-1])
            return
    inner = kept.get("estimators_")
    if isinstance(inner, list) and inner and hasattr(inner[0], "tree_"):
        one.n_features_in_ = int(inner[0].tree_.n_features)


def _nothing_infrequent(one: Any, kept: dict[str, Any]) -> None:
    """Before 1.1 encoders had no word for rare categories, before 1.3 none for missing ones."""
    if type(one).__name__ not in ("OneHotEncoder", "OrdinalEncoder") or "categories_" not in kept:
        return
    kept.setdefault("_infrequent_enabled", False)
    if "drop_idx_" in kept:
        kept.setdefault("_drop_idx_after_grouping", kept["drop_idx_"])
    if type(one).__name__ == "OrdinalEncoder":
        kept.setdefault("_missing_indices", {})


_MENDS = (
    _nothing_infrequent,
    _later_parameters,
    _names_of_columns,
    _number_of_features,
    _lengths_of_paths,
    _weights_of_words,
    _classes,
    _no_preprocessor,
    _filled_dtype,
    _shares_in_leaves,
    _loss_of_boosting,
)
