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
_AS_IT_IS = ("Cast", "Flatten", "Identity", "Reshape", "Squeeze")
_ATTRIBUTES = ("classlabels_strings", "classlabels_ints", "classlabels_int64s")


def written(path: Path, count: int | None) -> tuple[Class, ...] | None:
    """The class labels of the classifier in the file; None if there are none of that `count`, or
    several that differ.
    """
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    found: list[tuple[Class, ...]] = _picked(graph, count) or _places(graph, count)
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


def _picked(graph: Any, count: int | None) -> list[tuple[Class, ...]]:
    """The constants from which a label is picked by which column is the largest, as skl2onnx writes
    it where there is no classifier of ONNX's own.
    """
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    largest = {node.output[0] for node in graph.node if node.op_type == "ArgMax"}
    found = []
    for node in graph.node:
        if node.op_type == "LabelEncoder" and node.input[0] in largest:
            named = _named(node)
            if named and count in (None, len(named)):
                found.append(named)
        if node.op_type not in ("ArrayFeatureExtractor", "Gather") or len(node.input) != 2:
            continue
        if node.input[0] in constants and node.input[1] in largest:
            values = numpy_helper.to_array(constants[node.input[0]]).reshape(-1)
            if values.dtype.kind in "iOSU" and count in (None, len(values)):
                found.append(tuple(_text(item) for item in values.tolist()))
    return found


def _named(encoder: Any) -> tuple[Class, ...]:
    """What a LabelEncoder makes of 0, 1, 2, …; () where it says something else."""
    said = {item.name: [*item.ints, *item.strings] for item in encoder.attribute}
    values = said.get("values_strings") or said.get("values_int64s") or []
    numbered = said.get("keys_int64s") == list(range(len(values)))
    return tuple(_text(item) for item in values) if numbered else ()


def _places(graph: Any, count: int | None) -> list[tuple[Class, ...]]:
    """The columns' numbers, where a label is which column is the largest and nothing else."""
    if count is None:
        return []
    makers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        node = makers.get(output.name)
        while node is not None and node.op_type in _AS_IT_IS:
            node = makers.get(node.input[0])
        if node is not None and node.op_type == "ArgMax":
            return [tuple(range(count))]
    return []


def _text(item: Any) -> Class:
    return item.decode() if isinstance(item, bytes) else item


def observed(scores: Any, labels: Any, count: int) -> tuple[Class, ...]:
    """From which label comes with which column being the largest. Raises `UnsupportedModel`."""
    labels = np.asarray(labels).reshape(-1)
    if scores.ndim != 2 or scores.shape[1] != count:
        likely = (np.asarray(scores).reshape(-1) > 0.5).astype(int)
        if count == 2 and labels.dtype.kind in "iu" and np.array_equal(labels, likely):
            return (0, 1)
        raise UnsupportedModel(UNKNOWN)
    seen: dict[int, Class] = {}
    for column, label in zip(scores.argmax(axis=1).tolist(), labels.tolist(), strict=True):
        if seen.setdefault(column, label) != label:
            raise UnsupportedModel(UNKNOWN)
    if len(seen) == count:
        return tuple(seen[column] for column in range(count))
    as_numbered = all(column == label for column, label in seen.items())
    if labels.dtype.kind in "iu" and as_numbered and len(seen) == count - 1:
        return tuple(range(count))
    raise UnsupportedModel(UNKNOWN)
