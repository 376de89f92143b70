"""What Prometheus adds to an answer: curves of signals, and which pods and classes stood out.

Neighbours: `rollout.curves` has the queries, `rollout.standouts` the judgement.
"""

import time
from collections.abc import Iterable

from ..rollout.explaining import standouts
from ..rollout.explaining.classes import Mix, mixes
from ..rollout.explaining.curves import FAILED, PREDICTED, Curves, Series, Subject, curves, query
from ..rollout.explaining.why import Why, analysis_of
from ..rollout.status.times import seconds
from .connection import Object
from .prometheus import Prometheus

AFTERWARDS_SECONDS = 30.0


def subject_of(mdep: Object, answer: Why, prometheus: Prometheus) -> Subject | None:
    """Return what is asked about; None where no revision is known."""
    one = answer.timeline
    revision = answer.revision or (one.revision if one else None)
    if revision is None:
        return None
    return Subject(
        namespace=mdep["metadata"]["namespace"],
        name=mdep["metadata"]["name"],
        candidate=revision,
        stable=(one.stable if one else None) or "",
        window=seconds(analysis_of(mdep).get("window", "5m")),
        namespace_label=prometheus.namespace_label,
    )


def measured_curves(
    mdep: Object, answer: Why, prometheus: Prometheus, signals: Iterable[str]
) -> list[Curves]:
    """Return the curves of some signals over the rollout. Raises: Unreachable."""
    subject, one = subject_of(mdep, answer, prometheus), answer.timeline
    if subject is None or one is None or one.started is None:
        return []
    now = time.time()
    end = min(now, one.ended + AFTERWARDS_SECONDS) if one.ended is not None else now
    analysis = analysis_of(mdep)
    step = seconds(analysis.get("interval", "15s"))
    found = []
    for signal in signals:
        series = prometheus.over(query(signal, subject, analysis), one.started, end, step)
        found.append(curves(signal, subject, analysis, _bound(signal, analysis), series))
    return [one for one in found if one.candidate]


def predicted(mdep: Object, answer: Why, prometheus: Prometheus) -> list[Mix]:
    """Return what both predicted, at the end of the rollout or now. Raises: Unreachable."""
    subject = subject_of(mdep, answer, prometheus)
    if subject is None:
        return []
    asked = subject.increase("predicted_class_total", ("revision", "model", "class"))
    found = prometheus.at(asked, _judged_at(answer))
    return mixes(found, subject.candidate, subject.stable)


def _judged_at(answer: Why) -> float:
    one = answer.timeline
    return one.ended if one is not None and one.ended is not None else time.time()


def stood_out(mdep: Object, answer: Why, prometheus: Prometheus) -> list[str]:
    """Return the pods and classes that stood out when it was judged. Raises: Unreachable."""
    subject, at = subject_of(mdep, answer, prometheus), _judged_at(answer)
    if subject is None:
        return []
    if answer.signal in ("errorRate", "invalid"):
        asked = subject.increase("predictions_total", ("pod", "status"), revision=subject.candidate)
        bad = FAILED if answer.signal == "errorRate" else ("invalid",)
        return standouts.pods_by_errors(_counts(prometheus.at(asked, at), bad))
    if answer.signal == "latency":
        quantile = (analysis_of(mdep).get("latency") or {}).get("quantile", 0.95)
        buckets = subject.increase(
            "prediction_latency_seconds_bucket", ("pod", "le"), revision=subject.candidate
        )
        found = prometheus.at(f"histogram_quantile({quantile:g}, {buckets})", at)
        values = {s.labels.get("pod", ""): s.points[0][1] for s in found}
        return standouts.pods_by_latency({p: v for p, v in values.items() if p and v == v})
    if answer.signal == "drift":
        asked = subject.increase("predicted_class_total", ("revision", "class"))
        found = prometheus.at(asked, at)
        return standouts.classes(
            *(
                {s.labels.get("class", ""): s.points[0][1] for s in found if _is(s, revision)}
                for revision in (subject.candidate, subject.stable)
            )
        )
    return []


def _is(series: Series, revision: str) -> bool:
    return series.labels.get("revision") == revision


def _counts(found: list[Series], bad: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    counts: dict[str, tuple[float, float]] = {}
    for series in found:
        pod, status, value = series.labels.get("pod", ""), series.labels.get("status"), 0.0
        if status in PREDICTED or status in bad:
            value = series.points[0][1]
        mine, every = counts.get(pod, (0.0, 0.0))
        counts[pod] = (mine + (value if status in bad else 0.0), every + value)
    return {pod: both for pod, both in counts.items() if pod}


def _bound(signal: str, analysis: Object) -> float | None:
    keys = {"errorRate": "max", "latency": "maxRatio", "drift": "maxKL"}
    keys |= {"invalid": "maxIncrease", "health": "consecutiveFailures"}
    if signal in keys:
        bound = (analysis.get(signal) or {}).get(keys[signal])
        return float(bound) if bound is not None else None
    for metric in analysis.get("custom") or []:
        if signal == f"custom/{metric.get('name')}":
            bound = metric.get("max", metric.get("min"))
            return float(bound) if bound is not None else None
    return None
