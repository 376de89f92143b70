"""XGBoost's old binary files (`.model`, `.bst`, `.deprecated`, before 3.1) as its JSON.

The layout was frozen in 2014 and no longer grows: parameters as they lay in memory, little-endian,
then tree after tree. It is read whole and held against its own numbers: what is left over, missing
or out of range is refused. Neighbours: `pack` converts what it is given; XGBoost itself opens the
result. Design: docs/decisions/0040.
"""

import json
import struct
from collections.abc import Iterator
from math import exp, inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.counting import counted
from transit_models.errors import InvalidMetadata

_MAGIC = b"binf"
_LEARNER = struct.Struct("<fIiiiIIi104x")  # 136 bytes
_TREES = struct.Struct("<iiiiqii128x")  # 160
_LINEAR = struct.Struct("<Ii128x")  # 136
_TREE = struct.Struct("<iiiiii124x")  # 148
_NODE = np.dtype(
    [("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")]
)
_STAT = np.dtype([("gain", "<f4"), ("cover", "<f4"), ("weight", "<f4"), ("leaves", "<i4")])
_MOST_NODES = 2**26
_TEXT = 2**20  # more than any name or attribute has
_NO_PARENT = 2**31 - 1

# What XGBoost's JSON wants to know of an objective, beside its name: training's, of no use here.
_BLOCKS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "reg_loss_param": (
        (
            *("reg:squarederror", "reg:squaredlogerror", "reg:logistic"),
            *("binary:logistic", "binary:logitraw", "reg:gamma"),
        ),
        {"scale_pos_weight": "1"},
    ),
    "poisson_regression_param": (("count:poisson",), {"max_delta_step": "0.7"}),
    "tweedie_regression_param": (("reg:tweedie",), {"tweedie_variance_power": "1.5"}),
    "softmax_multiclass_param": (("multi:softprob", "multi:softmax"), {}),
    "lambdarank_param": (("rank:pairwise", "rank:ndcg", "rank:map"), {}),
    "": (("binary:hinge", "survival:cox"), {}),
}
_LOGISTIC = ("reg:logistic", "binary:logistic")
_LOG_LINK = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox")
_LINKED = (*_LOGISTIC, *_LOG_LINK)
_MOST_SCORE = 80.0  # of which 32 bits hold the exponential


def is_old_binary(path: Path) -> bool:
    """Whether this is no JSON or UBJSON, which both begin with a brace."""
    with path.open("rb") as file:
        return file.read(1) != b"{"


def converted(path: Path) -> bytes:
    """The model of an old binary file, as XGBoost's JSON. Raises `InvalidMetadata`."""
    try:
        return json.dumps(_read(_Bytes(path.read_bytes()))).encode()
    except _Unread as why:
        raise InvalidMetadata(
            f"{path} is no JSON or UBJSON of XGBoost, and as its old binary format it can't be "
            f"read: {why}. Open it with the version that wrote it (before 3.1), and save_model as "
            ".ubj"
        ) from None


class _Unread(Exception):
    """The file is not what it should be, or holds what can't be said in JSON."""


class _Bytes:
    """The file, from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def skip(self, prefix: bytes) -> None:
        """Past `prefix`, if that is what comes; early files have none."""
        if self._data.startswith(prefix, self._at):
            self._at += len(prefix)

    def take(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise _Unread(f"it ends early, before {counted(count, 'byte')} more")
        self._at += count
        return self._data[self._at - count : self._at]

    def numbers(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))

    def count(self) -> int:
        (count,) = struct.unpack("<Q", self.take(8))
        return int(count)

    def array(self, dtype: Any, count: int) -> NDArray[Any]:
        kind = np.dtype(dtype)
        return np.frombuffer(self.take(kind.itemsize * count), kind)

    def text(self) -> str:
        count = self.count()
        if count > _TEXT:
            raise _Unread(f"a name of {count} bytes")
        try:
            return self.take(count).decode()
        except UnicodeDecodeError:
            raise _Unread("a name that is no text") from None


def _read(file: _Bytes) -> dict[str, Any]:
    file.skip(_MAGIC)
    base, features, classes, has_attributes, has_metrics, major, minor, targets = file.numbers(
        _LEARNER
    )
    objective, booster = file.text(), file.text()
    if not 0 < features < 2**31 or not 0 <= classes < 2**20:
        raise _Unread(f"{counted(features, 'feature')} and {counted(classes, 'class', 'classes')}")
    if booster not in ("gbtree", "dart", "gblinear"):
        raise _Unread(f"its booster is {booster!r}")
    version = (major, minor)
    if booster == "gblinear":
        model = _linear(file, features, max(classes, 1))
    else:
        model = _trees(file, booster, features, max(classes, 1), version)
    attributes: dict[str, str] = {}
    if has_attributes:
        attributes = {file.text(): file.text() for _ in range(file.count())}
    if version < (1, 0) and objective == "count:poisson":
        file.text()  # a limit of training
    if has_metrics:
        for _ in range(file.count()):
            file.text()
    if file.left:
        raise _Unread(f"behind its end: {counted(file.left, 'byte')}")
    objective = {"reg:linear": "reg:squarederror"}.get(objective, objective)
    if version < (1, 6) and booster != "gblinear":
        _count_parallel(model, attributes, max(classes, 1))
    return {
        "version": [1, 7, 0],  # the layout of what is written here
        "learner": {
            "attributes": {k: v for k, v in attributes.items() if k != "objective"},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": model,
            "learner_model_param": {
                "base_score": repr(_base_score(base, objective, version)),
                "boost_from_average": "1",
                "num_class": str(classes),
                "num_feature": str(features),
                "num_target": str(max(targets, 1)),
            },
            "objective": _objective(objective, classes),
        },
    }


def _objective(name: str, classes: int) -> dict[str, Any]:
    for block, (names, said) in _BLOCKS.items():
        if name in names:
            classed = {"num_class": str(classes)} if block == "softmax_multiclass_param" else {}
            return {"name": name, **({block: {**said, **classed}} if block else {})}
    raise _Unread(f"its objective is {name!r}")


def _base_score(stored: float, objective: str, version: tuple[int, int]) -> float:
    """In the objective's own scale; before 1.0 it was stored as a margin."""
    if not abs(stored) < (_MOST_SCORE if version < (1, 0) and objective in _LINKED else inf):
        raise _Unread(f"its base score is {stored}")
    if version >= (1, 0):
        return float(stored)
    if objective in _LOGISTIC:
        return 1.0 / (1.0 + exp(-stored))
    return exp(stored) if objective in _LOG_LINK else float(stored)


def _linear(file: _Bytes, features: int, groups: int) -> dict[str, Any]:
    file.numbers(_LINEAR)
    count = file.count()
    if count != (features + 1) * groups:
        raise _Unread(f"{counted(count, 'weight')} for {counted(features, 'feature')}")
    weights = _finite(file.array("<f4", count))
    # The rounds stand nowhere; of a model without any, XGBoost takes the base score as a margin.
    return {"name": "gblinear", "model": {"boosted_rounds": 1, "weights": weights}}


def _trees(
    file: _Bytes, booster: str, features: int, groups: int, version: tuple[int, int]
) -> dict[str, Any]:
    count, parallel, _, _, _, outputs, _ = file.numbers(_TREES)
    if count < 1 or outputs not in (0, groups):
        raise _Unread(f"{counted(count, 'tree')} for {counted(outputs, 'output')}")
    trees = [_tree(file, number, features, version) for number in range(count)]
    group_of = file.array("<i4", count).tolist()
    if any(not 0 <= group < groups for group in group_of):
        raise _Unread(f"a tree of none of {groups} outputs")
    model = {
        "gbtree_model_param": {
            "num_trees": str(count),
            "num_parallel_tree": str(parallel if version >= (1, 6) else 1),
            "size_leaf_vector": "0",
        },
        "tree_info": group_of,
        "trees": trees,
    }
    if booster == "gbtree":
        return {"name": "gbtree", "model": model}
    if file.count() != count:
        raise _Unread("not every tree has a weight")
    weights = _finite(file.array("<f4", count))
    return {
        "name": "dart",
        "gbtree": {"name": "gbtree", "model": model},
        "weight_drop": weights,
    }


def _tree(file: _Bytes, number: int, features: int, version: tuple[int, int]) -> dict[str, Any]:
    _, count, _, _, _, vector = file.numbers(_TREE)
    if not 0 < count <= _MOST_NODES:
        raise _Unread(f"a tree of {count} nodes")
    nodes, stats = file.array(_NODE, count), file.array(_STAT, count)
    if vector and version < (2, 0):
        file.take(4 * file.count())
    order, parents = _reached(nodes)
    nodes, stats = nodes[order], stats[order]
    new = np.zeros(count, dtype=np.int64)
    new[order] = np.arange(len(order))
    leaf = nodes["left"] == -1
    split = nodes["split"] & 0x7FFFFFFF
    if (split[~leaf] >= features).any():
        raise _Unread(f"a split on a feature that is none of {features}")
    zeros = [0] * len(order)
    return {
        "id": number,
        "tree_param": {
            "num_nodes": str(len(order)),
            "num_deleted": "0",
            "num_feature": str(features),
            "size_leaf_vector": "0",
        },
        "left_children": _children(nodes["left"], leaf, new),
        "right_children": _children(nodes["right"], leaf, new),
        "parents": [_NO_PARENT, *(int(new[parent]) for parent in parents[1:])],
        "split_indices": np.where(leaf, 0, split).tolist(),
        "split_conditions": _finite(nodes["value"]),
        "default_left": (nodes["split"] >> 31).tolist(),
        "split_type": zeros,
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "loss_changes": np.nan_to_num(stats["gain"]).tolist(),
        "sum_hessian": np.nan_to_num(stats["cover"]).tolist(),
        "base_weights": np.nan_to_num(stats["weight"]).tolist(),
    }


def _children(old: NDArray[Any], leaf: NDArray[Any], new: NDArray[Any]) -> list[int]:
    return np.where(leaf, -1, new[np.where(leaf, 0, old)]).tolist()  # type: ignore[no-any-return]


def _finite(numbers: NDArray[Any]) -> list[float]:
    if not np.isfinite(numbers).all():
        raise _Unread("a weight that is no number")
    return numbers.tolist()  # type: ignore[no-any-return]


def _reached(nodes: NDArray[Any]) -> tuple[list[int], list[int]]:
    """The nodes from the root on, without those that were pruned; and the parent of each."""
    order, parents = [0], [-1]
    left, right = nodes["left"].tolist(), nodes["right"].tolist()
    for at in _growing(order):
        if left[at] == -1:
            continue
        for child in (left[at], right[at]):
            if not 0 < child < len(nodes) or len(order) >= len(nodes):
                raise _Unread("a tree whose nodes don't hang together")
            order.append(child)
            parents.append(at)
    if len(set(order)) < len(order):
        raise _Unread("a tree whose nodes don't hang together")
    return order, parents


def _growing(order: list[int]) -> Iterator[int]:
    at = 0
    while at < len(order):
        yield order[at]
        at += 1


def _count_parallel(model: dict[str, Any], attributes: dict[str, str], groups: int) -> None:
    """Before 1.6 only what early stopping left behind tells how many trees a round has."""
    inner = model.get("gbtree", model)["model"]
    try:
        rounds = int(attributes["best_iteration"]) + 1
        limit = int(attributes["best_ntree_limit"])
    except (KeyError, ValueError):
        return
    parallel, rest = divmod(limit, rounds) if rounds > 0 else (0, 1)
    if not rest and parallel > 0 and len(inner["trees"]) % (parallel * groups) == 0:
        inner["gbtree_model_param"]["num_parallel_tree"] = str(parallel)
