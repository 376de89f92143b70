"""Whose each column of an ONNX classifier is: as written in the file, or as seen in its answers."""

from pathlib import Path
from typing import Any

import numpy as np

from transit_server.formats.base import Class, UnsupportedModel

UNKNOWN = (
    "it names classes, and which of its columns is whose can't be known: give "
    "output_schema.model_classes (the model's class for each label, in the order of its columns), "
    "or probe rows of every class"
)
_ATTRIBUTES = ("classlabels_strings", "classlabels_ints", "classlabels_int64s")


def written(path: Path, count: int | None) -> tuple[Class, ...] | None:
    """The class labels of the classifier in the file; None if there are none of that `count`, or
    several that differ.
    """
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    found: list[tuple[Class, ...]] = []
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in _ATTRIBUTES:
                labels = tuple(
                    item.decode() if isinstance(item, bytes) else int(item)
                    for item in (*attribute.strings, *attribute.ints)
                )
                if labels and count in (None, len(labels)):
                    if node.op_type == "ZipMap":
                        return labels
                    found.append(labels)
    return found[0] if len(set(found)) == 1 else None


def observed(scores: Any, labels: Any, count: int) -> tuple[Class, ...]:
    """From which label comes with which column being the largest. Raises `UnsupportedModel`."""
    labels = np.asarray(labels).reshape(-1)
    if scores.ndim != 2 or scores.shape[1] != count:
        if count == 2 and labels.dtype.kind in "iu":
            return (0, 1)
        raise UnsupportedModel(UNKNOWN)
    seen: dict[int, Class] = {}
    for column, label in zip(scores.argmax(axis=1).tolist(), labels.tolist(), strict=True):
        if seen.setdefault(column, label) != label:
            raise UnsupportedModel(UNKNOWN)
    if len(seen) == count:
        return tuple(seen[column] for column in range(count))
    if labels.dtype.kind in "iu" and all(column == label for column, label in seen.items()):
        return tuple(range(count))
    raise UnsupportedModel(UNKNOWN)
