"""Curves of a signal over a rollout: what Prometheus is asked, and how its answers become lines.

The queries are those of the operator's evaluations, over time: the increase of a counter in the
window, of series that are still there. Signals that can't be asked so simply are taken as the
operator measured them (`transit_signal_value`). Pure. Neighbours: `cluster.prometheus` asks;
`screens` draw.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..status.shown import Value
from .chance import between

Object = dict[str, Any]
Point = tuple[float, float]  # epoch seconds, value
Band = tuple[float, float, float]  # epoch seconds, from, to
COUNTED = ("errorRate", "invalid")
FAILED = ("error", "input_error")  # what is an error; the second by rows, while the model works
PREDICTED = ("success", *FAILED)


class Curves(Value):
    """Lines of one signal. `bound` is a line of its own, since it may follow the stable's.

    `band` is what the candidate's true share may be, at 99 %; only of what is counted.
    """

    signal: str
    candidate: tuple[Point, ...] = ()
    stable: tuple[Point, ...] = ()
    bound: tuple[Point, ...] = ()
    band: tuple[Band, ...] = ()


@dataclass(frozen=True)
class Series:
    """One series of a range query."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Subject:
    """What is asked about. `namespace_label` is the scrape's, "" where it is not believed in."""

    namespace: str
    name: str
    candidate: str
    stable: str
    window: float
    namespace_label: str = "namespace"

    def matcher(self, metric: str, **more: str) -> str:
        """Return a selector of the series of both revisions."""
        labels = {"model_deployment": f"{self.namespace}/{self.name}", **more}
        if self.namespace_label:
            labels[self.namespace_label] = self.namespace
        named = [f'{key}="{value}"' for key, value in labels.items()]
        if "revision" not in more:
            named.append(f'revision=~"{"|".join(filter(None, (self.candidate, self.stable)))}"')
        return f"{metric}{{{', '.join(named)}}}"

    def increase(self, metric: str, by: Sequence[str], **more: str) -> str:
        """Return the increase of a counter in the window, without series that have ended."""
        series = self.matcher(metric, **more)
        window = f"{round(self.window * 1000)}ms"
        return f"sum by ({', '.join(by)}) (increase({series}[{window}]) and {series})"


def query(signal: str, subject: Subject, analysis: Object) -> str:
    """Return the PromQL of a signal's curves."""
    if signal in COUNTED:
        return subject.increase("predictions_total", ("revision", "status"))
    if signal == "latency":
        quantile = (analysis.get("latency") or {}).get("quantile", 0.95)
        buckets = subject.increase("prediction_latency_seconds_bucket", ("revision", "le"))
        return f"histogram_quantile({quantile:g}, {buckets})"
    owner = f'model_deployment="{subject.namespace}/{subject.name}"'
    return f'max(transit_signal_value{{{owner}, signal="{signal}"}})'


def curves(
    signal: str, subject: Subject, analysis: Object, bound: float | None, series: Sequence[Series]
) -> Curves:
    """Return the lines."""
    band: tuple[Band, ...] = ()
    allowed: tuple[Point, ...] = ()
    if signal in COUNTED:
        counts = _counts(signal, series, subject.candidate)
        mine = tuple((at, bad / every) for at, bad, every in counts)
        band = tuple((at, *between(bad, every)) for at, bad, every in counts)
        base = tuple((at, b / n) for at, b, n in _counts(signal, series, subject.stable))
        excused = _counts(signal, series, subject.stable, ("input_error",))
        allowed = tuple((at, b / n) for at, b, n in excused)
    elif signal == "latency":
        mine, base = (_of(series, revision) for revision in (subject.candidate, subject.stable))
    else:
        mine, base = _finite(p for one in series for p in one.points), ()
    return Curves(
        signal=signal,
        candidate=mine,
        stable=base,
        bound=_bound(signal, bound, mine, allowed if signal == "errorRate" else base),
        band=band,
    )


def _of(series: Sequence[Series], revision: str) -> tuple[Point, ...]:
    points = [p for one in series if one.labels.get("revision") == revision for p in one.points]
    return _finite(sorted(points))


def _finite(points: Iterable[Point]) -> tuple[Point, ...]:
    """Leave out what is no number: of nothing a quantile is NaN, and nothing can be drawn of it."""
    return tuple((at, value) for at, value in points if math.isfinite(value))


def _counts(
    signal: str, series: Sequence[Series], revision: str, only: tuple[str, ...] = ()
) -> list[tuple[float, float, float]]:
    """Return time, errors and predictions, or time, invalid requests and all requests."""
    of_signal = FAILED if signal == "errorRate" else ("invalid",)
    bad_statuses = only or of_signal
    counted = {*PREDICTED, *of_signal}
    bad: dict[float, float] = {}
    every: dict[float, float] = {}
    for one in series:
        status = one.labels.get("status", "")
        if one.labels.get("revision") != revision or status not in counted:
            continue
        for at, value in _finite(one.points):
            every[at] = every.get(at, 0.0) + value
            if status in bad_statuses:
                bad[at] = bad.get(at, 0.0) + value
    return [(at, bad.get(at, 0.0), n) for at, n in sorted(every.items()) if n > 0]


def _bound(
    signal: str, bound: float | None, mine: Sequence[Point], base: Sequence[Point]
) -> tuple[Point, ...]:
    if bound is None:
        return ()
    if signal == "latency":
        return tuple((at, value * bound) for at, value in base)
    if signal == "invalid" or (signal == "errorRate" and any(value for _, value in base)):
        return tuple((at, value + bound) for at, value in base)
    if signal in ("accuracy", "traffic"):
        return ()  # what is allowed is less than the stable's, which is not known over time
    ends = (mine[0], mine[-1]) if mine else ()
    return tuple((at, bound) for at, _ in ends)
