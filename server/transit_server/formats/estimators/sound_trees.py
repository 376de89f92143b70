"""Do the trees of a file that nobody vouches for hang together?

Scikit-learn follows a tree's nodes without looking whether they are there, so a file that was made
for it could have it read and write elsewhere. Whoever opens a pickle runs its code anyway; this is
for the format `skops`, whose files are data.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

# These give rows to their trees without counting the columns again.
_UNCHECKED = ("RandomForest", "ExtraTrees", "GradientBoosting", "IsolationForest")


def unsound(model: Any) -> str | None:
    """What is wrong with a tree of `model`, if any is."""
    columns: dict[int, int] = {}  # by a tree's estimator: how many it is given
    parts = list(_all_in(model))
    for one in parts:
        if type(one).__name__.startswith(_UNCHECKED):
            trees = list(np.ravel(np.array(one.estimators_, dtype=object)))
            subsets = [len(places) for places in getattr(one, "_estimators_features", ())]
            fewest = min([*subsets, *(tree.n_features_in_ for tree in trees)], default=0)
            if not subsets:
                fewest = min(fewest, one.n_features_in_)
            columns |= {id(tree): fewest for tree in trees}
            outputs = getattr(one, "n_trees_per_iteration_", None)
            if outputs is not None and np.shape(one.estimators_)[1:] != (outputs,):
                return "it has more trees in a round than numbers in an answer"
    for one in parts:
        if (tree := getattr(one, "tree_", None)) is not None:
            inner = tree.children_left != -1
            known = min(tree.n_features, columns.get(id(one), one.n_features_in_))
            wrong = _wrong(tree.children_left, tree.children_right, tree.feature, inner, known)
        elif type(one).__name__ == "TreePredictor":
            nodes = one.nodes
            inner = nodes["is_leaf"] == 0
            if nodes["is_categorical"].any():
                return "its trees split on categories, which are not looked into"
            wrong = _wrong(
                nodes["left"], nodes["right"], nodes["feature_idx"], inner, _columns_of(parts, one)
            )
        else:
            continue
        if wrong is not None:
            return wrong
    return None


def _columns_of(parts: list[Any], predictor: Any) -> int:
    """Of the boosting that a predictor belongs to, which prepares no columns of its own."""
    owners = [
        one.n_features_in_
        for one in parts
        if any(predictor in stage for stage in getattr(one, "_predictors", ()))
        and getattr(one, "_preprocessor", None) is None
    ]
    return min(owners, default=0)


def _wrong(left: Any, right: Any, feature: Any, inner: Any, columns: int) -> str | None:
    places, count = np.flatnonzero(inner), len(inner)
    for side in (left[inner], right[inner]):
        if not ((side > places) & (side < count)).all():  # to later ones, so that it ends
            return "a node of a tree points to none"
    if not ((feature[inner] >= 0) & (feature[inner] < columns)).all():
        return "a tree splits on a feature that is none"
    return None


def _all_in(model: Any) -> Iterator[Any]:
    """`model` and every object that it holds, however deep."""
    seen: dict[int, Any] = {}
    waiting = [model]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        elif isinstance(one, np.ndarray):
            if one.dtype == object:
                waiting += one.ravel().tolist()
        elif hasattr(one, "__dict__") and not isinstance(one, type):
            yield one
            waiting += vars(one).values()
