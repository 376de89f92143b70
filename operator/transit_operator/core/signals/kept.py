"""What is kept of the stable revision for the time when it has no traffic: the baseline.

Neighbours: `rules.evaluate` renews it at each evaluation below 100 %; the signals that compare read
it. Its size is bounded (`classes.bounded`): it is part of the status.
"""

from ...api.analysis import Analysis, Latency
from ...api.status import Baseline, ModelBaseline
from ..observed import Readings
from ..times import rfc3339
from .accuracy import baseline as accuracy_of
from .evidence import ALL_MODELS
from .samples import classes, counts, histogram
from .samples.counts import Counts


def baseline_of(
    analysis: Analysis, readings: Readings, kept: Baseline | None, now: float
) -> Baseline | None:
    """Return the stable revision's figures to keep: new ones where there are enough of them."""
    stable = readings.stable
    models, slow = counts.by_model(stable), histogram.by_model(stable)
    total = counts.pooled(models).total
    if total < analysis.min_samples or not slow:
        return kept
    quantile = (analysis.latency or Latency()).quantile
    found = {
        model: classes.bounded(c)
        for model, c in classes.by_model(stable).items()
        if any(c.values())
    }
    return Baseline(
        latency=_figure(histogram.pooled(slow.values()).quantile(quantile)),
        models={
            model: ModelBaseline(
                latency=_figure(slow[model].quantile(quantile)) if model in slow else None,
                samples=_figure(slow[model].samples) if model in slow else 0.0,
                input_errors=_figure(models[model].input_error) if model in models else 0.0,
                invalid=_figure(models[model].invalid) if model in models else 0.0,
                requests=_figure(models[model].requests) if model in models else 0.0,
            )
            for model in sorted(set(models) | set(slow))
        },
        classes=found or (kept.classes if kept is not None else {}),
        accuracy=accuracy_of(stable, kept, analysis.min_samples),
        samples=_figure(total),
        time=rfc3339(now),
    )


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
