"""Holds a compiled model against its original: it has to be equal on the probes, and faster."""

import time

from transit_server.formats import onnx
from transit_server.formats.base import (
    Compiled,
    ModelShape,
    NotCompiled,
    Rows,
    Score,
    largest_difference,
)

_TOLERANCE = 1e-5


def checked(model: bytes, original: Score, shape: ModelShape) -> Compiled:
    """`model`, if it is as it should be. Raises `NotCompiled`."""
    compiled = onnx.session(model, len(shape.labels))
    difference = largest_difference(original(shape.probes), compiled(shape.probes))
    if difference > _TOLERANCE:
        raise NotCompiled(f"the compiled model differs by {difference:.1e}")
    if _seconds(compiled, shape.probes) > _seconds(original, shape.probes):
        raise NotCompiled("the compiled model is not faster")
    return Compiled(model, f"compiled, largest difference {difference:.1e}")


def _seconds(score: Score, rows: Rows) -> float:
    """The best of a few runs on one row: what an idle server's client waits for."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        score(rows[:1])
        best = min(best, time.perf_counter() - start)
    return best
