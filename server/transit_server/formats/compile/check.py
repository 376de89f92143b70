"""Holds a compiled model against its original: it has to be equal, and faster.

Equal is shown on the version's own probes, or on rows made from what the model has learned; if the
original answers them all alike, nothing is shown.
"""

import time

import numpy as np

from transit_server.formats.agreeing.outputs import answers
from transit_server.formats.base import (
    Engine,
    NotCompiled,
    Predict,
    Rows,
    Source,
    first_line,
    largest_difference,
)
from transit_server.formats.compile.converted import Converted
from transit_server.formats.graphs import sessions

_TOLERANCE = 1e-5
_ALIKE = 1e-3
_ROUNDING = 1e-6


def checked(converted: Converted, engine: Engine, source: Source) -> str:
    """What to tell of a model that is as it should be. Raises `NotCompiled`, `UnsupportedModel`."""
    outputs = source.schema.outputs
    said = answers(engine, outputs)
    rows, which = _rows(converted, source)
    try:
        compiled = answers(sessions.engine(converted.onnx, engine.says), outputs)
        got = compiled.predict(rows)
    except Exception as error:  # whatever ONNX Runtime says of what it can't run
        raise NotCompiled(f"it doesn't run compiled: {first_line(error)}") from error
    wanted = said.predict(rows)
    size = 1.0 if said.probabilities else max(1.0, float(np.abs(wanted).max()))
    if float(np.ptp(wanted, axis=0).max()) < _ALIKE * size:
        raise NotCompiled(f"unchecked: its answers to {which} are all alike, which proves nothing")
    difference = largest_difference(wanted, got) / size
    if difference > _TOLERANCE:
        raise NotCompiled(f"the compiled model differs by {difference:.1e}")
    if _seconds(compiled.predict, rows) > _seconds(said.predict, rows):
        raise NotCompiled("the compiled model is not faster")
    told = "" if which == "its probe rows" else f" on {which}"
    return f"compiled, largest difference {difference:.1e}{told}"


def _rows(converted: Converted, source: Source) -> tuple[Rows, str]:
    probes = source.probes if source.version.probe is not None else None
    if probes is None and converted.rows is None:
        raise NotCompiled("unchecked: there are no probe rows of its own (pack it with --probe)")
    if probes is None:
        assert converted.rows is not None
        return _with_gaps(converted.rows.astype(_dtype(source)), source), "rows made from the model"
    if not converted.exact:
        _refuse_rounding(probes)
    if converted.rows is None:
        return _with_gaps(probes, source), "its probe rows"
    both = np.concatenate((probes, converted.rows.astype(probes.dtype)))
    return _with_gaps(both, source), "its probe rows"


def _with_gaps(rows: Rows, source: Source) -> Rows:
    """Where values may be missing, some are."""
    if not any(field.missing for field in source.schema.inputs.fields):
        return rows
    gaps = np.random.default_rng(0).random(rows.shape) < 0.3
    return np.concatenate((rows, np.where(gaps, np.nan, rows).astype(rows.dtype)))


def _dtype(source: Source) -> np.dtype[np.generic]:
    return np.dtype("float32" if source.row is None else source.row.dtype)


def _refuse_rounding(probes: Rows) -> None:
    """32 bits must be enough for what tells rows apart. Raises `NotCompiled`."""
    if probes.dtype != np.float64:
        return
    lost = np.abs(probes - probes.astype(np.float32)).max(axis=0)
    if (lost > _ROUNDING * np.ptp(probes, axis=0)).any():
        raise NotCompiled("its probe rows do not fit into 32-bit floats")


def _seconds(predict: Predict, rows: Rows) -> float:
    """The best of a few runs on one row: what an idle server's client waits for."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        predict(rows[:1])
        best = min(best, time.perf_counter() - start)
    return best
