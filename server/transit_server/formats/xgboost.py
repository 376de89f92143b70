"""Gradient-boosted trees of XGBoost: `.json` and `.ubj`, compiled to ONNX where that is right."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xgboost
from numpy.typing import NDArray

from transit_server.formats import onnx, trees
from transit_server.formats.base import (
    Compiled,
    Engine,
    ModelShape,
    NotCompiled,
    Rows,
    Score,
    Scores,
    UnsupportedModel,
    as_class_scores,
)
from transit_server.formats.checked import checked

_FINISH: dict[str, trees.Finish] = {"multi:softprob": "Softmax", "binary:logistic": "Sigmoid"}


def load(path: Path, shape: ModelShape) -> Engine:
    """The original."""
    return Engine(_original(_booster(path, shape)), "xgboost")


def compile(path: Path, shape: ModelShape) -> Compiled:
    """The model as ONNX. Raises `NotCompiled` or `UnsupportedModel`."""
    booster = _booster(path, shape)
    original = _original(booster)
    learner: Any = msgspec.json.decode(bytes(booster.save_raw("json")))["learner"]
    finish = _FINISH.get(learner["objective"]["name"])
    model = learner["gradient_booster"]
    if finish is None or model["name"] != "gbtree":
        raise NotCompiled(f"{model['name']} with {learner['objective']['name']}")
    targets = len(shape.labels) if finish == "Softmax" else 1
    taken = [
        _tree(tree, target)
        for tree, target in zip(model["model"]["trees"], model["model"]["tree_info"], strict=True)
    ]

    def built(base: list[float], finish: trees.Finish) -> bytes:
        return trees.to_onnx(
            taken,
            features=booster.num_features(),
            targets=targets,
            compare="BRANCH_LT",
            base=base,
            finish=finish,
        )

    base = _base(booster, onnx.session(built([], ""), targets, raw=True), shape.probes[:1])
    return checked(built(base, finish), original, shape)


def _booster(path: Path, shape: ModelShape) -> xgboost.Booster:
    booster = xgboost.Booster()
    booster.load_model(path)
    features, got = booster.num_features(), shape.probes.shape[1]
    if features != got:
        raise UnsupportedModel(f"it takes {features} features, and gets {got}")
    # A few rows at a time: waking more threads costs more than they bring.
    booster.set_param({"nthread": 1})
    return booster


def _original(booster: xgboost.Booster) -> Score:
    def score(rows: Rows) -> Scores:
        return as_class_scores(np.asarray(booster.inplace_predict(rows)))

    return score


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


def _base(booster: xgboost.Booster, trees_alone: Score, row: Rows) -> list[float]:
    """What is added to the trees: how it is stored changes with versions, what it does doesn't."""
    margin = np.asarray(booster.inplace_predict(row, predict_type="margin"), dtype=np.float64)
    difference: NDArray[np.float64] = margin.reshape(-1) - trees_alone(row).reshape(-1)
    return [float(value) for value in difference]
