"""Which outputs of an ONNX graph answer its version's task, and in the order of which classes.

Neighbours: `libraries.onnx` calls it with a way to ask the session; `classes` knows whose a column
is; `agreeing.outputs` maps to labels.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from transit_models.schema import TEXT
from transit_server.formats.agreeing.outputs import no_probabilities
from transit_server.formats.base import (
    GIVEN_FOR,
    Class,
    Gives,
    Rows,
    Scores,
    Source,
    UnsupportedModel,
)
from transit_server.formats.graphs.classes import UNKNOWN, observed, written
from transit_server.formats.graphs.sessions import DTYPES, FLOATS, lengths_of

_MAPS = "seq(map("
# What gives, of the outputs that are named, what they answer to rows.
Ask = Callable[[Sequence[str]], Callable[[Any], list[Any]]]
Found = tuple[Callable[[Any], Any], dict[str, Any]]


def answering(ask: Ask, outputs: Sequence[Any], source: Source, probes: Rows | None) -> Found:
    """How the graph is asked for its version's task, and what it so says of itself, as `Says` has
    it. Raises `UnsupportedModel`.
    """
    gives = GIVEN_FOR[source.task]
    if gives == "tensors":
        run, said = _tensors(ask, outputs, probes)
    elif gives == "value":
        run, said = _first(ask, _value(outputs)), {}
    elif gives == "probabilities":
        run, said = _probabilities(ask, outputs, source, probes)
    else:
        run, said = _labels(ask, outputs, source, gives)
    return run, {"gives": gives, **said}


def _first(ask: Ask, name: str) -> Callable[[Any], Any]:
    run = ask([name])
    return lambda rows: run(rows)[0]


def _value(outputs: Sequence[Any]) -> str:
    floats = [output.name for output in outputs if output.type in FLOATS]
    wide = [output.shape for output in outputs if output.name in floats[:1]]
    if wide and isinstance(wide[0][-1], int) and len(wide[0]) > 1 and wide[0][-1] != 1:
        raise UnsupportedModel(
            f"a regression answers one number, and {floats[0]} has {wide[0][-1]}: "
            "give labels if they are classes, or pack it with --task tensors"
        )
    if len(floats) != 1:
        raise UnsupportedModel(
            f"a regression answers one number, and its outputs of floats are "
            f"{', '.join(floats) or 'none'}: pack it with --task tensors"
        )
    return str(floats[0])


def _tensors(ask: Ask, outputs: Sequence[Any], probes: Rows | None) -> Found:
    numbers = [output for output in outputs if DTYPES.get(output.type, TEXT) != TEXT]
    if not numbers:
        raise UnsupportedModel("it has no output of numbers")
    run = ask([output.name for output in numbers])
    widths = []
    for place, output in enumerate(numbers):
        lengths = lengths_of(output.shape)
        if None in lengths and probes is not None:
            lengths = run(probes[:1])[place].shape[1:]
        if None in lengths:
            raise UnsupportedModel(f"its output {output.name} has an open shape: {output.shape}")
        widths.append((output.name, prod(length or 1 for length in lengths)))
    return run, {"outputs": tuple(widths)}


def _labels(ask: Ask, outputs: Sequence[Any], source: Source, gives: Gives) -> Found:
    """Of a model that gives classes alone, clusters, or flags of outliers."""
    names = _of_classes(outputs)
    floats = [output.name for output in outputs if output.type in FLOATS]
    if not names or (gives == "outlier" and not floats):
        raise UnsupportedModel(f"it has no output for the task {source.task}")
    if source.task in ("outlier", "cluster"):
        scores = [lengths_of(output.shape) for output in outputs if output.name in floats]
        several = gives == "outlier" and scores not in ([()], [(None,)], [(1,)])
        if several or written(source.path, None) is not None or _is_text(outputs, names[0]):
            raise UnsupportedModel(
                "it gives classes, no outliers and no clusters: pack it with --task label or "
                "classification"
            )
    if gives == "outlier":
        run = ask([names[0], floats[0]])
        return lambda rows: np.stack([part.reshape(-1) for part in run(rows)], axis=1), {}
    classes = written(source.path, source.classes or None)
    classes = classes or source.version.metadata.output_schema.model_classes or None
    if classes is None:
        widths = [lengths_of(output.shape) for output in outputs if output.name in floats]
        count = source.classes or next((w[0] for w in widths if len(w) == 1 and w[0]), None)
        if count is None:
            raise UnsupportedModel("it does not say which classes there are: give labels")
        classes = tuple(range(count))
    return _first(ask, names[0]), {"classes": classes}


def _of_classes(outputs: Sequence[Any]) -> list[str]:
    """The outputs that may be classes: whole numbers of any width, truth values, texts."""
    return [o.name for o in outputs if o.type in DTYPES and o.type not in FLOATS]


def _is_text(outputs: Sequence[Any], name: str) -> bool:
    return any(output.name == name and output.type == "tensor(string)" for output in outputs)


def _probabilities(ask: Ask, outputs: Sequence[Any], source: Source, probes: Rows | None) -> Found:
    maps = [output.name for output in outputs if output.type.startswith(_MAPS)]
    if maps:
        return _of_maps(ask, maps[0], source)
    name = _scores(ask, outputs, source, probes)
    labels = _of_classes(outputs)
    classes: tuple[Class, ...] | None = None
    if labels:
        known = source.version.metadata.output_schema.model_classes
        classes = written(source.path, source.classes or None)
        if classes is None and not known:
            if probes is None:
                raise UnsupportedModel(UNKNOWN)
            scores, said = ask([name, labels[0]])(probes)
            classes = observed(scores, said, source.classes or scores.shape[-1])
    return _first(ask, name), {"classes": classes}


def _of_maps(ask: Ask, name: str, source: Source) -> Found:
    """Maps of class → probability: the keys say whose each is."""
    classes = written(source.path, source.classes or None)
    if classes is None:
        raise UnsupportedModel(UNKNOWN)
    run = ask([name])

    def predict(rows: Any) -> Scores:
        (maps,) = run(rows)
        return np.array([[row[key] for key in classes] for row in maps], dtype=np.float32)

    return predict, {"classes": classes}


def _scores(ask: Ask, outputs: Sequence[Any], source: Source, probes: Rows | None) -> str:
    """The output that holds probabilities."""
    floats = [output for output in outputs if output.type in FLOATS]
    if not floats:
        raise UnsupportedModel("it has no output of floats")
    stated = {part.name for part in source.version.metadata.outputs}
    floats = [output for output in floats if output.name in stated] or floats
    wide = [output for output in floats if output.shape[-1:] == [source.classes]]
    found = [output.name for output in wide or floats]
    if len(found) > 1 and probes is not None:
        said = ask(found)(probes)
        likely = [
            name
            for name, scores in zip(found, said, strict=True)
            if scores.ndim == 2 and np.isfinite(scores).all() and no_probabilities(scores) is None
        ]
        found = likely or found
    if len(found) > 1:
        raise UnsupportedModel(
            f"which of its outputs holds probabilities is not certain: {', '.join(found)}. "
            "Name the one in the metadata's outputs"
        )
    return str(found[0])
