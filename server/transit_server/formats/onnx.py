"""ONNX models through ONNX Runtime: by their path, so that data beside the file is found, and only
inside the version's folder. `runtime` and `plain` also serve what `compile` makes.
"""

import os
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

# Since 1.29 ONNX Runtime tells its maker of every model that is loaded, unless this is set before
# it is imported. A model server inside a company must not.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

from transit_models.schema import TEXT, Input
from transit_server.formats import gpu, onnx_classes, onnx_refused
from transit_server.formats.base import (
    Class,
    Engine,
    Gives,
    Rows,
    Says,
    Scores,
    Source,
    UnsupportedModel,
    cast,
)
from transit_server.formats.inputs import fitted
from transit_server.formats.outputs import no_probabilities

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
    "tensor(string)": TEXT,
    **{f"tensor({kind}{bits})": f"{kind}{bits}"
       for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")
_MAPS = "seq(map("


def load(source: Source) -> Engine:
    try:
        session = runtime(source.path, source.threads)
    except Exception as error:  # its kinds have no common base
        raise onnx_refused.why(source.path, error) from error
    feeds = session.get_inputs()
    unknown = [feed for feed in feeds if feed.type not in _DTYPES]
    if unknown:
        raise UnsupportedModel(f"its input {unknown[0].name} is {unknown[0].type}, not a tensor")
    if len(feeds) == 1 and _DTYPES[feeds[0].type] != TEXT:
        return _of_matrix(session, feeds[0], source)
    return _of_tensors(session, feeds, source)


def runtime(model: bytes | Path, threads: int = 1) -> Any:
    """A session; by default on one thread, because requests are what is parallel here, and without
    spinning.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    given = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(given, options, providers=gpu.providers())


def plain(model: bytes | Path, threads: int = 1) -> Callable[[Rows], Scores]:
    """For a model of our own making: one matrix in, the first output as it is."""
    session = runtime(model, threads)
    (feed,) = session.get_inputs()
    inner = _lengths(feed.shape)
    shape = tuple(-1 if length is None else length for length in inner)
    name, dtype = feed.name, np.dtype(_DTYPES[feed.type])
    output = next(item.name for item in session.get_outputs() if item.type in _FLOATS)

    def predict(rows: Rows) -> Scores:
        shaped = rows if len(shape) == 1 else rows.reshape(len(rows), *shape)
        (answer,) = session.run([output], {name: shaped.astype(dtype, copy=False)})
        return answer  # type: ignore[no-any-return]

    return predict


def _lengths(shape: Sequence[Any]) -> tuple[int | None, ...]:
    """Of a row: the batch axis left out, open axes None."""
    return tuple(length if isinstance(length, int) else None for length in shape[1:])


def _of_matrix(session: Any, feed: Any, source: Source) -> Engine:
    inner = fitted(_lengths(feed.shape), source.row)
    dtype = np.dtype(_DTYPES[feed.type])
    name = feed.name
    flat = len(inner) == 1

    def feeds(rows: Rows) -> dict[str, Any]:
        shaped = rows if flat else rows.reshape(len(rows), *inner)
        return {name: shaped if shaped.dtype == dtype else cast(shaped, dtype)}

    size = 1
    for length in inner:
        size *= length
    taken = {"features": size, "dtype": dtype.name}
    probes = source.probes_in(dtype)
    return _engine(session, _batched(feeds, [feed]), source, probes, taken)


def _of_tensors(session: Any, inputs: Sequence[Any], source: Source) -> Engine:
    fields, shapes, texts = [], {}, set()
    for feed in inputs:
        inner = _lengths(feed.shape)
        column = inner in ((), (1,))
        dtype = _DTYPES[feed.type]
        fields.append(Input(feed.name, dtype, () if column else inner))
        shapes[feed.name] = inner
        if dtype == TEXT:
            texts.add(feed.name)

    dtypes = {field.name: np.dtype(field.dtype) for field in fields if not field.is_text}

    def feeds(values: dict[str, Any]) -> dict[str, Any]:
        made = {}
        for name, value in values.items():
            shape = tuple(length or -1 for length in shapes[name])
            array = value.astype(object) if name in texts else cast(value, dtypes[name])
            made[name] = array.reshape(len(value), *shape) if value.shape[1:] != shape else array
        return made

    taken = {"takes": "tensors", "fields": tuple(fields)}
    return _engine(session, _batched(feeds, inputs), source, None, taken)


Feeds = Callable[[Any], list[dict[str, Any]]]


def _batched(feeds: Callable[[Any], dict[str, Any]], inputs: Sequence[Any]) -> Feeds:
    """All rows in one call, or one by one for a model that was exported for a batch of one."""
    fixed = {feed.shape[0] for feed in inputs if feed.shape and isinstance(feed.shape[0], int)}
    if not fixed:
        return lambda rows: [feeds(rows)]
    if fixed != {1}:
        raise UnsupportedModel(
            f"it was exported for batches of {fixed.pop()} rows: export it with an open batch axis"
        )

    def alone(rows: Any) -> list[dict[str, Any]]:
        made = feeds(rows)
        count = len(next(iter(made.values())))
        return [{name: value[n : n + 1] for name, value in made.items()} for n in range(count)]

    return alone


def _engine(
    session: Any, feeds: Feeds, source: Source, probes: Rows | None, taken: dict[str, Any]
) -> Engine:
    def ask(names: Sequence[str]) -> Callable[[Any], list[Any]]:
        names = list(names)

        def run(rows: Any) -> list[Any]:
            made = feeds(rows)
            if len(made) == 1:
                return list(session.run(names, made[0]))
            parts = [session.run(names, one) for one in made]
            return [
                [item for one in part for item in one]
                if isinstance(part[0], list)
                else np.concatenate(part)
                for part in zip(*parts, strict=True)
            ]

        return run

    outputs = session.get_outputs()
    gives: Gives = _GIVES[source.task]
    if gives == "tensors":
        run, said = _tensors(ask, outputs, probes)
    elif gives == "value":
        run, said = _first(ask, _value(outputs)), {}
    elif gives == "probabilities":
        run, said = _probabilities(ask, outputs, source, probes)
    else:
        run, said = _labels(ask, outputs, source, gives)
    return Engine(run, "onnxruntime", Says(gives=gives, **taken, **said))


_GIVES: dict[str, Gives] = {
    "classification": "probabilities",
    "binary": "probabilities",
    "regression": "value",
    "label": "label",
    "cluster": "label",
    "outlier": "outlier",
    "tensors": "tensors",
}
Ask = Callable[[Sequence[str]], Callable[[Any], list[Any]]]
Found = tuple[Callable[[Any], Any], dict[str, Any]]


def _first(ask: Ask, name: str) -> Callable[[Any], Any]:
    run = ask([name])
    return lambda rows: run(rows)[0]


def _value(outputs: Sequence[Any]) -> str:
    floats = [output.name for output in outputs if output.type in _FLOATS]
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
    numbers = [output for output in outputs if _DTYPES.get(output.type, TEXT) != TEXT]
    if not numbers:
        raise UnsupportedModel("it has no output of numbers")
    run = ask([output.name for output in numbers])
    widths = []
    for place, output in enumerate(numbers):
        lengths = _lengths(output.shape)
        if None in lengths and probes is not None:
            lengths = run(probes[:1])[place].shape[1:]
        if None in lengths:
            raise UnsupportedModel(f"its output {output.name} has an open shape: {output.shape}")
        widths.append((output.name, prod(length or 1 for length in lengths)))
    return run, {"outputs": tuple(widths)}


def _labels(ask: Ask, outputs: Sequence[Any], source: Source, gives: Gives) -> Found:
    """Of a model that gives classes alone, clusters, or flags of outliers."""
    names = [output.name for output in outputs if output.type not in _FLOATS]
    floats = [output.name for output in outputs if output.type in _FLOATS]
    if not names or (gives == "outlier" and not floats):
        raise UnsupportedModel(f"it has no output for the task {source.task}")
    if gives == "outlier":
        run = ask([names[0], floats[0]])
        return lambda rows: np.stack([part.reshape(-1) for part in run(rows)], axis=1), {}
    classes = onnx_classes.written(source.path, source.classes or None)
    if classes is None:
        widths = [_lengths(output.shape) for output in outputs if output.name in floats]
        count = source.classes or next((w[0] for w in widths if len(w) == 1 and w[0]), None)
        if count is None:
            raise UnsupportedModel("it does not say which classes there are: give labels")
        classes = tuple(range(count))
    return _first(ask, names[0]), {"classes": classes}


def _probabilities(ask: Ask, outputs: Sequence[Any], source: Source, probes: Rows | None) -> Found:
    maps = [output.name for output in outputs if output.type.startswith(_MAPS)]
    if maps:
        return _of_maps(ask, maps[0], source)
    name = _scores(ask, outputs, source, probes)
    labels = [
        output.name for output in outputs if output.type in ("tensor(int64)", "tensor(string)")
    ]
    classes: tuple[Class, ...] | None = None
    if labels:
        known = source.version.metadata.output_schema.model_classes
        classes = onnx_classes.written(source.path, source.classes or None)
        if classes is None and not known:
            if probes is None:
                raise UnsupportedModel(onnx_classes.UNKNOWN)
            scores, said = ask([name, labels[0]])(probes)
            classes = onnx_classes.observed(scores, said, source.classes or scores.shape[-1])
    return _first(ask, name), {"classes": classes}


def _of_maps(ask: Ask, name: str, source: Source) -> Found:
    """Maps of class → probability: the keys say whose each is."""
    classes = onnx_classes.written(source.path, source.classes or None)
    if classes is None:
        raise UnsupportedModel(onnx_classes.UNKNOWN)
    run = ask([name])

    def predict(rows: Any) -> Scores:
        (maps,) = run(rows)
        return np.array([[row[key] for key in classes] for row in maps], dtype=np.float32)

    return predict, {"classes": classes}


def _scores(ask: Ask, outputs: Sequence[Any], source: Source, probes: Rows | None) -> str:
    """The output that holds probabilities."""
    floats = [output for output in outputs if output.type in _FLOATS]
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
