"""Ask Prometheus for all that the rules would have asked in a past rollout, at once.

The operator's own queries, as range queries over its evaluations: one request for each few hundred
of them. Which pods were ready is taken from the servers' `model_ready`.
"""

from collections.abc import Callable

from transit_operator.api.analysis import Analysis
from transit_operator.api.duration import seconds
from transit_operator.core.signals import custom
from transit_operator.core.signals.registry import queries

from ..cluster.connection import Object
from ..cluster.prometheus import Prometheus
from ..rollout.explaining.timeline import Timeline
from .past import Past, Recorded

CHUNK = 240  # evaluations in one request: as many points as a request may have
AFTERWARDS = 2  # evaluations after the end: the last one may have come a little later
_LONGER = 30.0  # seconds after a promotion, in which a slower policy may still promote


def gather(
    mdep: Object,
    one: Timeline,
    analysis: Analysis,
    prometheus: Prometheus,
    now: float,
    progress: Callable[[float], None],
) -> Past:
    """Return the figures of a rollout. `progress` is told what part is done, from 0 to 1.

    Raises: Unreachable.
    """
    assert one.started is not None
    meta, status = mdep["metadata"], mdep.get("status") or {}
    interval, window = seconds(analysis.interval), seconds(analysis.window)
    end = (one.ended or now) + AFTERWARDS * interval + (_LONGER if one.end == "Promoted" else 0.0)
    owner, label = f"{meta['namespace']}/{meta['name']}", prometheus.namespace_label
    asked = {query.name: query.promql(window, [owner], label) for query in queries(analysis)}
    mine = {
        metric.name: custom.promql(metric.query, owner, one.revision, one.stable or "")
        for metric in custom.wanted(analysis)
    }
    pods = f'sum by (revision) (min by (revision, pod) (model_ready{{model_deployment="{owner}"}}))'
    texts = [*asked.values(), *mine.values(), pods]
    found: dict[str, tuple[Recorded, ...]] = {}
    for number, text in enumerate(texts):

        def told(part: float, number: int = number) -> None:
            progress((number + part) / len(texts))

        found[text] = _over(prometheus, text, one.started, min(end, now), interval, told)
    return Past(
        namespace=meta["namespace"],
        name=meta["name"],
        candidate=one.revision,
        stable=one.stable or "",
        models=_models(one.models),
        stable_models=_known(status, one.stable),
        spec=mdep["spec"],
        started=one.started,
        ended=one.ended,
        end=one.end,
        message=one.message,
        given={step.at: step.weight for step in one.steps},
        straight=any("which was stable less than" in event.message for event in one.events),
        interval=interval,
        window=window,
        namespace_label=label,
        series={name: found[text] for name, text in asked.items()},
        custom={name: found[text] for name, text in mine.items()},
        ready=found[pods],
    )


def _over(
    prometheus: Prometheus,
    text: str,
    start: float,
    end: float,
    interval: float,
    progress: Callable[[float], None],
) -> tuple[Recorded, ...]:
    """Return a query's series at the multiples of the interval: the times of evaluations."""
    first, last = int(start / interval), int(end / interval)
    points: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for tick in range(first, last + 1, CHUNK):
        to = min(last, tick + CHUNK - 1)
        for series in prometheus.over(text, tick * interval, to * interval, interval):
            labels = tuple(sorted(series.labels.items()))
            points.setdefault(labels, []).extend(series.points)
        progress((to - first + 1) / (last - first + 1))
    return tuple(Recorded(labels=dict(k), points=tuple(v)) for k, v in points.items())


def _models(text: str) -> tuple[dict[str, str], ...]:
    pairs = [part.split(" ", 1) for part in text.split(", ") if " " in part]
    return tuple({"name": name, "version": version} for name, version in pairs)


def _known(status: Object, revision: str | None) -> tuple[dict[str, str], ...]:
    for key in ("stable", "previous", "rejected"):
        part = status.get(key) or {}
        if part.get("revision") == revision:
            return tuple(part.get("models", []))
    return ()
