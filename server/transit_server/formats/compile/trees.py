"""Ensembles of decision trees as ONNX, built from arrays; `estimators` and `boosted` bring theirs.

General converters go through every node in Python, which takes seconds and hundreds of megabytes
for a few hundred trees; this takes tenths of a second. ONNX compares 32-bit floats, so thresholds
must be such already, rounded so that no comparison changes (see `round_down`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

_OPSETS = (("", 17), ("ai.onnx.ml", 3))
_IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree: a row per node; a leaf has a negative `left`, and `weights` for `targets`."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    weights: NDArray[np.float32]  # (nodes, targets)
    targets: tuple[int, ...]


Compare = Literal["BRANCH_LEQ", "BRANCH_LT"]
Finish = Literal["", "Softmax", "Sigmoid"]


def to_onnx(
    trees: Sequence[Tree],
    *,
    features: int,
    targets: int,
    compare: Compare,
    base: Sequence[float] = (),
    finish: Finish = "",
) -> bytes:
    """A model whose answer is the sum over all trees, plus `base`, through `finish`."""
    attributes: dict[str, Any] = {
        **_nodes(trees, compare),
        **_leaves(trees),
        "n_targets": targets,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
    }
    if len(base):
        attributes["base_values"] = [float(value) for value in base]
    summed = "summed" if finish else "scores"
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor", ["rows"], [summed], domain="ai.onnx.ml", **attributes
        )
    ]
    if finish:
        nodes.append(helper.make_node(finish, [summed], ["scores"]))
    graph = helper.make_graph(
        nodes,
        "trees",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, targets])],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(name, version) for name, version in _OPSETS],
        ir_version=_IR_VERSION,
    )
    return bytes(onnx.ModelProto.SerializeToString(model))


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest 32-bit floats not above `thresholds`: x <= t is the same for each 32-bit x."""
    rounded = thresholds.astype(np.float32)
    above = rounded.astype(np.float64) > thresholds
    return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def rows_apart(trees: Sequence[Tree], features: int, count: int = 64) -> NDArray[np.float32]:
    """Rows on both sides of the trees' own thresholds, (count, features): just at one, just below
    it, and between two, so that every comparison is made both ways.
    """
    random = np.random.default_rng(0)
    rows = random.normal(size=(count, features)).astype(np.float32)
    of = np.concatenate([tree.feature[tree.left >= 0] for tree in trees])
    at = np.concatenate([tree.threshold[tree.left >= 0] for tree in trees]).astype(np.float32)
    for feature in np.unique(of).tolist():
        if not 0 <= feature < features:
            continue
        values = np.unique(at[of == feature])
        below = np.nextafter(values, np.float32(-np.inf))
        above = np.nextafter(values, np.float32(np.inf))
        between = (values[:-1] + values[1:]) / 2
        ends = np.array([values[0] - 1, values[-1] + 1], dtype=np.float32)
        choice = np.concatenate((values, below, above, between, ends))
        rows[:, feature] = random.choice(choice[np.isfinite(choice)], count)
    return rows


def _nodes(trees: Sequence[Tree], compare: Compare) -> dict[str, Any]:
    leaf = np.concatenate([tree.left < 0 for tree in trees])
    size = [len(tree.left) for tree in trees]
    return {
        "nodes_treeids": np.repeat(np.arange(len(trees)), size).tolist(),
        "nodes_nodeids": np.concatenate([np.arange(count) for count in size]).tolist(),
        "nodes_featureids": _joined(trees, "feature", leaf, 0),
        "nodes_values": _joined(trees, "threshold", leaf, 0.0),
        "nodes_modes": np.where(leaf, "LEAF", compare).tolist(),
        "nodes_truenodeids": _joined(trees, "left", leaf, 0),
        "nodes_falsenodeids": _joined(trees, "right", leaf, 0),
        "nodes_missing_value_tracks_true": _joined(trees, "missing_left", leaf, 0),
        "nodes_hitrates": [1.0] * len(leaf),
    }


def _joined(trees: Sequence[Tree], name: str, leaf: NDArray[np.bool_], filler: float) -> list[Any]:
    values = np.concatenate([getattr(tree, name) for tree in trees])
    if values.dtype == np.bool_:
        values = values.astype(np.int64)
    return list(np.where(leaf, values.dtype.type(filler), values).tolist())


def _leaves(trees: Sequence[Tree]) -> dict[str, Any]:
    tree_ids, node_ids, target_ids, weights = [], [], [], []
    for number, tree in enumerate(trees):
        nodes = np.flatnonzero(tree.left < 0)
        values = tree.weights[nodes]
        row, column = np.nonzero(values)
        # A leaf needs at least one weight, be it 0.
        empty = np.flatnonzero(~values.any(axis=1))
        row = np.concatenate((row, empty))
        column = np.concatenate((column, np.zeros_like(empty)))
        order = np.lexsort((column, row))
        row, column = row[order], column[order]
        tree_ids.append(np.full(len(row), number))
        node_ids.append(nodes[row])
        target_ids.append(np.asarray(tree.targets)[column])
        weights.append(values[row, column])
    return {
        "target_treeids": np.concatenate(tree_ids).tolist(),
        "target_nodeids": np.concatenate(node_ids).tolist(),
        "target_ids": np.concatenate(target_ids).tolist(),
        "target_weights": np.concatenate(weights).astype(np.float32).tolist(),
    }
