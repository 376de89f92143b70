"""What is kept of the stable revision for the time when it has no traffic: the baseline.

Neighbours: `rules.evaluate` renews it at each evaluation below 100 %; the signals that compare read
it. Its size is bounded (`classes.bounded`): it is part of the status.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ...api.analysis import Analysis, Latency
from ...api.status import Baseline, ModelBaseline
from ..observed import Readings
from ..times import rfc3339
from .accuracy import baseline as accuracy_of
from .evidence import ALL_MODELS
from .samples import classes, counts, histogram
from .samples.counts import Counts

_UNKNOWN: Final = (None, 0.0)


def baseline_of(
    analysis: Analysis, readings: Readings, kept: Baseline | None, now: float
) -> Baseline | None:
    """Return the stable revision's figures to keep: new ones where there are enough of them."""
    stable = readings.stable
    models = counts.by_model(stable)
    total = counts.pooled(models).total
    if total < analysis.min_samples:
        return kept
    slow = _latencies(analysis, readings, kept)
    found = {
        model: classes.bounded(c)
        for model, c in classes.by_model(stable).items()
        if any(c.values())
    }
    return Baseline(
        latency=slow.all_models,
        quantile=slow.quantile,
        models={
            model: ModelBaseline(
                latency=slow.models.get(model, _UNKNOWN)[0],
                samples=slow.models.get(model, _UNKNOWN)[1],
                input_errors=_figure(models[model].input_error) if model in models else 0.0,
                invalid=_figure(models[model].invalid) if model in models else 0.0,
                requests=_figure(models[model].requests) if model in models else 0.0,
            )
            for model in sorted(set(models) | set(slow.models))
        },
        classes=found or (kept.classes if kept is not None else {}),
        accuracy=accuracy_of(stable, kept, analysis.min_samples),
        samples=_figure(total),
        time=rfc3339(now),
    )


@dataclass(frozen=True)
class _Latencies:
    """Seconds at a quantile: of all models together, and of each with the samples behind it."""

    quantile: float | None = None
    all_models: float | None = None
    models: Mapping[str, tuple[float | None, float]] = field(default_factory=dict)


def _latencies(analysis: Analysis, readings: Readings, kept: Baseline | None) -> _Latencies:
    """Return the latencies to keep: as before where none were measured, or nobody asked."""
    slow = histogram.by_model(readings.stable)
    if slow:
        quantile = (analysis.latency or Latency()).quantile
        pooled = histogram.pooled(slow.values()).quantile(quantile)
        by_model = {m: (_figure(h.quantile(quantile)), _figure(h.samples)) for m, h in slow.items()}
        return _Latencies(quantile, _figure(pooled), by_model)
    if kept is None:
        return _Latencies()
    by_model_before = {m: (part.latency, part.samples) for m, part in kept.models.items()}
    return _Latencies(kept.quantile, kept.latency, by_model_before)


def larger(own: Counts | None, kept: Baseline | None, model: str) -> Counts:
    """Return a model's counts, of the stable's own and the kept ones those of more requests."""
    known = _counts(kept, model)
    return own if own is not None and own.requests >= known.requests else known


def _counts(kept: Baseline | None, model: str) -> Counts:
    if kept is None:
        return Counts()
    wanted = kept.models.values() if model == ALL_MODELS else [kept.models.get(model)]
    return counts.pooled(
        {
            str(n): Counts(
                success=part.requests - part.invalid - part.input_errors,
                input_error=part.input_errors,
                invalid=part.invalid,
            )
            for n, part in enumerate(wanted)
            if part is not None
        }
    )


def _figure(value: float) -> float:
    return float(f"{value:.6g}")
