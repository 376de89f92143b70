"""What is kept of the stable revision for the time when it has no traffic: the baseline.

Neighbours: `rules.evaluate` renews it at each evaluation below 100 %; the signals that compare read
it. Its size is bounded (`classes.bounded`): it is part of the status.
"""

from ...api.analysis import Analysis, Latency
from ...api.status import Baseline, ModelBaseline
from ..observed import Readings
from ..times import rfc3339
from .accuracy import baseline as accuracy_of
from .samples import classes, counts, histogram


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


def _figure(value: float) -> float:
    return float(f"{value:.6g}")
