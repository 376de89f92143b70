"""What Prometheus answers on the stage: curves of a good stable, and of a candidate that may fail.

A candidate is as bad as the readings of its world say, and becomes so over its last minute.
"""

import math
import re
from typing import Any

from tests.unit.cli.seen import Object
from tests.unit.scenes import FAILING
from tests.unit.world import World
from transit_operator.core.observed import RevisionReadings

SUBJECT = re.compile(r'model_deployment="([^/]+)/([^"]+)"')
REVISIONS = re.compile(r'revision=~?"([^"]+)"')
PER_WINDOW = 1000.0
BAD_SECONDS = 60.0


def answer(query: dict[str, str], worlds: dict[tuple[str, str], World]) -> list[Object]:
    """Return the series of a query."""
    promql = query["query"]
    named, revisions = SUBJECT.search(promql), REVISIONS.search(promql)
    if named is None or (world := worlds.get((named[1], named[2]))) is None:
        return []
    if "start" in query:
        start, end, step = (float(query[key]) for key in ("start", "end", "step"))
        times = [start + number * step for number in range(int((end - start) / step) + 1)]
    else:
        times = [float(query["time"])]
    candidate, *others = revisions[1].split("|") if revisions else [""]
    parts = [(candidate, world.readings.candidate), *((r, world.readings.stable) for r in others)]
    found: list[Object] = []
    for revision, readings in parts:
        for labels, values in _series(promql, readings, times, is_stable=revision != candidate):
            metric = {"revision": revision, **labels}
            found.append(_one(metric, times, values, single="start" not in query))
    return found


def _one(metric: dict[str, str], times: list[float], values: list[float], *, single: bool) -> Any:
    points = [[at, str(value)] for at, value in zip(times, values, strict=True)]
    return (
        {"metric": metric, "value": points[0]} if single else {"metric": metric, "values": points}
    )


def _series(
    promql: str, readings: RevisionReadings | None, times: list[float], *, is_stable: bool
) -> list[tuple[dict[str, str], list[float]]]:
    bad = readings == FAILING
    shift = 40.0 if is_stable else 0.0
    share = [
        0.012 + 0.004 * _wave(at + shift) + (0.05 * _late(at, times) if bad else 0) for at in times
    ]
    if "predicted_class_total" in promql:
        mix = {"0": 600.0, "1": 250.0, "2": 150.0}
        if bad:
            mix = {"0": 330.0, "1": 270.0, "2": 400.0}
        return [({"model": "forest", "class": c}, [n for _ in times]) for c, n in mix.items()]
    if "predictions_total" in promql:
        good = [PER_WINDOW * (1 - one) for one in share]
        pod = {"pod": "kepler-0"} if "pod" in promql else {}
        return [
            ({"status": "success", **pod}, good),
            ({"status": "error", **pod}, [PER_WINDOW * one for one in share]),
        ]
    if "prediction_latency_seconds_bucket" in promql:
        return [({}, [0.010 + 0.001 * _wave(at + 7 + shift) for at in times])]
    return [({}, [0.02 + 0.01 * abs(_wave(at / 3)) for at in times])]


def _late(at: float, times: list[float]) -> float:
    return max(0.0, 1 - (times[-1] - at) / BAD_SECONDS)


def _wave(at: float) -> float:
    return math.sin(at / 11) * math.cos(at / 29)
