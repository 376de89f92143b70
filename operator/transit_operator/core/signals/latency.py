"""The signal `latency`: the candidate's quantile over the stable's, for each model and for all.

Values in seconds. Neighbours: `histogram` reads the samples; `kept` has the stable's last figures.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ...api.analysis import Analysis, Latency
from ...api.duration import human
from ...api.status import Baseline, Evidence, RejectReason, Verdict
from .evidence import (
    ALL_MODELS,
    NO_BASELINE,
    NO_SERIES,
    Finding,
    Input,
    blind,
    counted,
    evidence,
    ladder,
    no_data,
    not_sure,
    too_few,
    worst,
)
from .samples import counts, histogram
from .samples.histogram import Histogram
from .samples.query import LATENCIES
from .statistics import outer_quantile, surely_above

NAME = "latency"
FEWEST_SLOW = 10  # slow answers that may convince before there are minSamples


class LatencySignal:
    """Fails when the ratio of the quantiles is surely above `maxRatio`."""

    name = NAME
    reason = RejectReason.LATENCY
    queries = (LATENCIES,)
    compares = True

    def rule(self, analysis: Analysis) -> Latency | None:
        return analysis.latency

    def judge(self, i: Input) -> Evidence:
        rule = i.analysis.latency
        assert rule is not None
        if absent := blind(i, NAME, LATENCIES):
            return absent
        models = histogram.by_model(i.readings.candidate)
        stable = histogram.by_model(i.readings.stable)
        if not models:
            return no_data(NAME, NO_SERIES, _unmeasured(i), i.now, samples=0)
        if len(models) > 1:
            models[ALL_MODELS] = histogram.pooled(models.values())
        stable[ALL_MODELS] = histogram.pooled(stable.values())
        findings = {}
        for model, mine in models.items():
            # A model that came in another's place is compared with all there was.
            known = model in stable or (i.kept is not None and model in i.kept.models)
            name = model if known or len(models) > 1 else ALL_MODELS
            base = _baseline(i, rule, name, stable.get(name))
            findings[model] = _judged(i, rule, mine, base, len(models))
        return worst(findings)


def _unmeasured(i: Input) -> str:
    """Say why there is no latency of the candidate."""
    if counts.pooled(counts.by_model(i.readings.candidate)).success > 0:
        return (
            f"the candidate answers, but Prometheus has no buckets of {LATENCIES.metric} to tell"
            " how quickly: have them scraped, or turn latency off"
        )
    return "no predictions of the candidate yet"


@dataclass(frozen=True)
class _Base:
    """The stable's latency at a quantile: like is compared with like."""

    seconds: float
    quantile: float


def _judged(i: Input, rule: Latency, mine: Histogram, base: _Base | None, tests: int) -> Finding:
    samples = mine.samples
    if base is None:
        text = "no latency of the stable revision to compare with yet"
        return Finding(no_data(NAME, NO_BASELINE, text, i.now, samples=samples), rare=True)
    value, limit = mine.quantile(base.quantile), rule.max_ratio
    ratio = value / base.seconds
    enough, over = i.enough(samples), ratio > limit
    verdict = ladder(
        over=over,
        sure=_surely_slow(mine, limit * base.seconds, base.quantile, tests),
        enough=enough,
        plenty=i.plenty(samples),
    )
    text = (
        f"latency {ratio:.2f}x {'over' if over else 'within'} {limit:g}x:"
        f" p{base.quantile * 100:g} {_ms(value)} against {_ms(base.seconds)} of stable"
        f" ({counted(samples, 'request')} in {human(i.window)})"
    )
    if verdict is Verdict.NO_DATA:
        text = text + not_sure(i) if enough else too_few(samples, i.analysis.min_samples)
    found = evidence(
        i, NAME, verdict, text, value=value, baseline=base.seconds, threshold=limit, samples=samples
    )
    return Finding(found, rare=not enough)


def _baseline(i: Input, rule: Latency, model: str, own: Histogram | None) -> _Base | None:
    """Return the figure with more samples behind it, if there are enough.

    Below 100 % the kept one has just been made from the stable's own. At 100 % the stable's window
    runs dry, and its last hundred answers would be a poor measure. The kept one is of the quantile
    that the spec asked for then.
    """
    found, samples = _kept(i.kept, model)
    quantile = (i.kept.quantile if i.kept is not None else None) or rule.quantile
    least = max(i.analysis.min_samples, samples if found else 0.0)
    if own is not None and own.samples > 0 and own.samples >= least:
        found, quantile = own.quantile(rule.quantile), rule.quantile
    return _Base(found, quantile) if found else None  # a baseline of zero is no baseline


def _kept(kept: Baseline | None, model: str) -> tuple[float | None, float]:
    if kept is None:
        return None, 0.0
    if model in kept.models:
        return kept.models[model].latency, kept.models[model].samples
    return (kept.latency, kept.samples) if model == ALL_MODELS or not kept.models else (None, 0.0)


def _surely_slow(mine: Histogram, limit: float, quantile: float, tests: int) -> Callable[[], bool]:
    """Return the test whether more than 1 - quantile of all answers are slower than the limit.

    A figure above the limit says how many of the answers were, at least: half of them for the
    median, twice as many as should be for the outer quantile.
    """
    outer = outer_quantile(quantile)

    def sure() -> bool:
        return mine.samples >= FEWEST_SLOW and any(
            mine.quantile(figure) > limit
            and surely_above(
                math.ceil((1 - figure) * mine.samples - 1e-9), mine.samples, 1 - quantile, tests
            )
            for figure in (0.5, outer)
        )

    return sure


def _ms(value: float) -> str:
    return f"{value * 1000:.3g} ms"
