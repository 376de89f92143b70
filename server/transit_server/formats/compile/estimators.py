"""Scikit-learn's classifiers as ONNX: forests taken apart by hand, the rest through skl2onnx, if
`continuous` finds nothing in them that 32 bits would change.
"""

from typing import Any

import numpy as np

from transit_server.formats.base import Engine, NotCompiled, Rows, Source
from transit_server.formats.compile import trees
from transit_server.formats.compile.continuous import refuse_jumps
from transit_server.formats.compile.converted import Converted

_OPSET = 17
_FORESTS = {"RandomForestClassifier", "ExtraTreesClassifier"}


def convert(engine: Engine, source: Source) -> Converted:
    """Raises `NotCompiled`, or whatever the converter raises."""
    model = engine.native
    if type(model).__module__ == "xgboost.core":  # a booster in a pickle
        from transit_server.formats.compile import boosted

        return boosted.convert(engine, source)
    if engine.says.gives != "probabilities":
        raise NotCompiled("only classifiers with probabilities are")
    if type(model).__name__ in _FORESTS and type(model).__module__.startswith("sklearn."):
        return _forest(model)
    refuse_jumps(model)
    return _general(model, source)


def _forest(model: Any) -> Converted:
    """A forest's probabilities are the mean of its trees' leaves; it computes in 32 bits itself."""
    taken = []
    for estimator in model.estimators_:
        tree = estimator.tree_
        shares = tree.value[:, 0, :]
        shares = shares / shares.sum(axis=1, keepdims=True) / len(model.estimators_)
        taken.append(
            trees.Tree(
                left=tree.children_left,
                right=tree.children_right,
                feature=tree.feature,
                threshold=trees.round_down(tree.threshold),
                missing_left=np.asarray(tree.missing_go_to_left, dtype=np.bool_),
                weights=shares.astype(np.float32),
                targets=tuple(range(shares.shape[1])),
            )
        )
    features = model.n_features_in_
    onnx = trees.to_onnx(
        taken, features=features, targets=len(model.classes_), compare="BRANCH_LEQ"
    )
    return Converted(onnx, trees.rows_apart(taken, features), exact=True)


def _general(model: Any, source: Source) -> Converted:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    proto = skl2onnx.to_onnx(
        model,
        initial_types=[("rows", FloatTensorType([None, _features(model, source)]))],
        options={"zipmap": False},
        target_opset=_OPSET,
    )
    return Converted(bytes(proto.SerializeToString()), _scaled(model))


def _features(model: Any, source: Source) -> int:
    assert source.row is not None
    return int(getattr(model, "n_features_in_", source.row.size))


def _scaled(model: Any) -> Rows | None:
    """Rows of the range that a pipeline's scaler has seen; None where there is no scaler."""
    steps = getattr(model, "steps", None)
    scaler = steps[0][1] if steps else None
    random = np.random.default_rng(0)
    mean, scale = getattr(scaler, "mean_", None), getattr(scaler, "scale_", None)
    if mean is not None and scale is not None:
        return np.asarray(mean + 2 * scale * random.normal(size=(64, len(mean))))
    low, high = getattr(scaler, "data_min_", None), getattr(scaler, "data_max_", None)
    if low is not None and high is not None:
        return np.asarray(random.uniform(low, high, (64, len(low))))
    return None
