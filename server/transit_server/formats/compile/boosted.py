"""XGBoost's trees as ONNX: they are 32-bit trees themselves, so nothing is lost."""

from typing import Any

import msgspec
import numpy as np
import xgboost
from numpy.typing import NDArray

from transit_server.formats.base import Engine, NotCompiled, Predict, Rows, Source
from transit_server.formats.compile import trees
from transit_server.formats.compile.converted import Converted
from transit_server.formats.graphs import sessions

_FINISH: dict[str, trees.Finish] = {
    "multi:softprob": "Softmax",
    "binary:logistic": "Sigmoid",
    "reg:logistic": "Sigmoid",
    "reg:squarederror": "",
    "reg:absoluteerror": "",
    "reg:pseudohubererror": "",
}


def convert(engine: Engine, source: Source) -> Converted:
    """Raises `NotCompiled`."""
    booster = engine.native
    learner: Any = msgspec.json.decode(bytes(booster.save_raw("json")))["learner"]
    finish = _FINISH.get(learner["objective"]["name"])
    model = learner["gradient_booster"]
    if finish is None or model["name"] != "gbtree":
        raise NotCompiled(f"{model['name']} with {learner['objective']['name']}")
    targets = max(1, int(learner["learner_model_param"].get("num_class", 0)))
    taken = [
        _tree(tree, target)
        for tree, target in zip(model["model"]["trees"], model["model"]["tree_info"], strict=True)
    ]
    features = booster.num_features()

    def built(base: list[float], finish: trees.Finish) -> bytes:
        return trees.to_onnx(
            taken,
            features=features,
            targets=targets,
            compare="BRANCH_LT",
            base=base,
            finish=finish,
        )

    rows = trees.rows_apart(taken, features)
    base = _base(booster, sessions.plain(built([], "")), rows[:1])
    return Converted(built(base, finish), rows, exact=True)


def _tree(tree: dict[str, Any], target: int) -> trees.Tree:
    if any(tree["split_type"]):
        raise NotCompiled("it splits by categories")
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise NotCompiled("its leaves are vectors")
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    return trees.Tree(
        left=np.array(tree["left_children"], dtype=np.int64),
        right=np.array(tree["right_children"], dtype=np.int64),
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=conditions,
        missing_left=np.array(tree["default_left"], dtype=np.bool_),
        weights=conditions.reshape(-1, 1),  # in a leaf, its value stands there
        targets=(target,),
    )


def _base(booster: xgboost.Booster, trees_alone: Predict, row: Rows) -> list[float]:
    """What is added to the trees: how it is stored changes with versions, what it does doesn't."""
    margin = np.asarray(booster.inplace_predict(row, predict_type="margin"), dtype=np.float64)
    difference: NDArray[np.float64] = margin.reshape(-1) - trees_alone(row).reshape(-1)
    return [float(value) for value in difference]
