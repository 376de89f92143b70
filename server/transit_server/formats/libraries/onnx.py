"""ONNX models through ONNX Runtime: `.onnx`, with data beside the file.

Neighbours: `graphs` sets sessions up and says which of the outputs answer the task.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from transit_models.counting import counted
from transit_models.schema import TEXT, Input
from transit_server.formats.agreeing.inputs import fitted
from transit_server.formats.base import Engine, Rows, Says, Source, UnsupportedModel, cast
from transit_server.formats.graphs import gpu, refused
from transit_server.formats.graphs.answering import answering
from transit_server.formats.graphs.sessions import DTYPES, lengths_of, session_of


def load(source: Source) -> Engine:
    try:
        session = session_of(source.path, source.threads)
    except Exception as error:  # its kinds have no common base
        raise refused.why(source.path, error) from error
    feeds = session.get_inputs()
    unknown = [feed for feed in feeds if feed.type not in DTYPES]
    if unknown:
        raise UnsupportedModel(f"its input {unknown[0].name} is {unknown[0].type}, not a tensor")
    if len(feeds) == 1 and DTYPES[feeds[0].type] != TEXT:
        return _of_matrix(session, feeds[0], source)
    return _of_tensors(session, feeds, source)


def _of_matrix(session: Any, feed: Any, source: Source) -> Engine:
    # Without a shape, which some exporters leave out, it takes as many as the metadata say.
    inner = fitted(lengths_of(feed.shape) if feed.shape else (None,), source.row)
    dtype = np.dtype(DTYPES[feed.type])
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
        inner = lengths_of(feed.shape)
        column = inner in ((), (1,))
        dtype = DTYPES[feed.type]
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
            f"it was exported for batches of {counted(fixed.pop(), 'row')}: "
            "export it with an open batch axis"
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

    run, said = answering(ask, session.get_outputs(), source, probes)
    device = gpu.device_of(session)
    relax = gpu.relaxing(session, device)
    return Engine(run, "onnxruntime", Says(**taken, **said), device=device, relax=relax)
