"""One function a signal: readings in, evidence with a verdict out.

NoData is never Pass. Fewer than `minSamples` is NoData, unless the evidence is overwhelming: beyond
the threshold at a one-sided confidence of 99 %. An error rate or a latency that is beyond its
threshold with fewer than ten times `minSamples` must be so at that confidence, too; else it is
NoData, and the step waits. `docs/statistics.md` says what that costs and what it is worth.
"""

import math
from collections.abc import Mapping

from ...api.analysis import Analysis, CustomMetric
from ...api.duration import human, seconds
from ...api.status import Baseline, Evidence, Verdict
from ..observed import Latency, Problem, Readings, RevisionReadings
from ..times import rfc3339
from .accuracy import accuracy, baseline_accuracy
from .evidence import NO_BASELINE, NO_SERIES, TOO_FEW_SAMPLES, no_data
from .statistics import Z, kl_divergence, outer_quantile, surely_above

ERROR_RATE = "errorRate"
LATENCY = "latency"
DRIFT = "drift"
HEALTH = "health"
CUSTOM_PREFIX = "custom/"

PLENTY = 10  # times minSamples: from there on a value is compared with its threshold as it is
FEWEST_SLOW = 10  # slow answers that may convince before there are minSamples


def judge(
    analysis: Analysis, readings: Readings, kept: Baseline | None, now: float
) -> list[Evidence]:
    """Return the evidence of every signal that comes from Prometheus, in a fixed order.

    `kept` replaces the stable revision's own figures where it has no traffic any more.
    """
    evidence = [
        error_rate(analysis, readings, now),
        latency(analysis, readings, kept, now),
        drift(analysis, readings, kept, now),
    ]
    if analysis.accuracy is not None:
        evidence.append(accuracy(analysis, analysis.accuracy, readings, kept, now))
    return evidence + [
        custom(metric, readings.custom.get(metric.name), now) for metric in analysis.custom
    ]


def error_rate(analysis: Analysis, readings: Readings, now: float) -> Evidence:
    """Judge errors / predictions of the candidate against `errorRate.max`."""
    limit = analysis.error_rate.max
    window = seconds(analysis.window)
    if problem := readings.problems.get(ERROR_RATE):
        return no_data(ERROR_RATE, problem.reason, problem.message, now)
    counts = readings.candidate.counts
    if counts is None or counts.total <= 0:
        text = "no predictions of the candidate yet"
        return no_data(ERROR_RATE, NO_SERIES, text, now, samples=0)
    rate = counts.error / counts.total
    seen = f"{_count(counts.error)} of {_count(counts.total)} predictions in {human(window)}"
    enough = counts.total >= analysis.min_samples
    over = rate > limit
    plenty = counts.total >= PLENTY * analysis.min_samples
    if over and (plenty or surely_above(counts.error, counts.total, limit)):
        verdict, text = Verdict.FAIL, f"error rate {rate:.1%} over {limit:.1%}: {seen}"
    elif over and enough:
        verdict, text = Verdict.NO_DATA, f"error rate {rate:.1%} over {limit:.1%}: {seen}"
        text += _not_sure(analysis)
    elif enough:
        verdict, text = Verdict.PASS, f"error rate {rate:.1%} within {limit:.1%}: {seen}"
    else:
        verdict, text = Verdict.NO_DATA, _too_few(counts.total, analysis.min_samples)
    return Evidence(
        signal=ERROR_RATE,
        verdict=verdict,
        reason=_reason(verdict),
        value=_figure(rate),
        threshold=limit,
        samples=_figure(counts.total),
        window=window,
        time=rfc3339(now),
        message=text,
    )


def latency(analysis: Analysis, readings: Readings, kept: Baseline | None, now: float) -> Evidence:
    """Judge the candidate's quantile against `maxRatio` times the stable's. Values in seconds."""
    rule = analysis.latency
    window = seconds(analysis.window)
    if problem := readings.problems.get(LATENCY):
        return no_data(LATENCY, problem.reason, problem.message, now)
    mine = readings.candidate.latency
    if mine is None or mine.samples <= 0:
        return no_data(LATENCY, NO_SERIES, "no predictions of the candidate yet", now, samples=0)
    samples = mine.samples
    base = _latency_baseline(analysis, readings.stable, kept)
    if base is None:
        text = "no latency of the stable revision to compare with yet"
        return no_data(LATENCY, NO_BASELINE, text, now, samples=_figure(samples))
    ratio, limit = mine.quantile / base, rule.max_ratio
    name = f"p{rule.quantile * 100:g}"
    seen = (
        f"{name} {_ms(mine.quantile)} against {_ms(base)} of stable"
        f" ({_count(samples)} requests in {human(window)})"
    )
    enough = samples >= analysis.min_samples
    over = ratio > limit
    plenty = samples >= PLENTY * analysis.min_samples
    if over and (plenty or _surely_slow(mine, limit * base, rule.quantile)):
        verdict, text = Verdict.FAIL, f"latency {ratio:.2f}x over {limit:g}x: {seen}"
    elif over and enough:
        verdict, text = Verdict.NO_DATA, f"latency {ratio:.2f}x over {limit:g}x: {seen}"
        text += _not_sure(analysis)
    elif enough:
        verdict, text = Verdict.PASS, f"latency {ratio:.2f}x within {limit:g}x: {seen}"
    else:
        verdict, text = Verdict.NO_DATA, _too_few(samples, analysis.min_samples)
    return Evidence(
        signal=LATENCY,
        verdict=verdict,
        reason=_reason(verdict),
        value=_figure(mine.quantile),
        baseline=_figure(base),
        threshold=limit,
        samples=_figure(samples),
        window=window,
        time=rfc3339(now),
        message=text,
    )


def drift(analysis: Analysis, readings: Readings, kept: Baseline | None, now: float) -> Evidence:
    """Judge KL(candidate || stable) of the predicted classes; of several models the largest."""
    window = seconds(analysis.window)
    if problem := readings.problems.get(DRIFT):
        return no_data(DRIFT, problem.reason, problem.message, now)
    stable = readings.stable.classes
    if kept is not None and _classes(stable) < max(analysis.min_samples, _classes(kept.classes)):
        stable = kept.classes
    pairs = _comparable(readings.candidate.classes, stable)
    if not pairs:
        text = "no predicted classes of both revisions to compare yet"
        return no_data(DRIFT, NO_BASELINE if readings.candidate.classes else NO_SERIES, text, now)
    judged = [_drift_of(analysis, model, mine, base, now) for model, mine, base in pairs]
    order = {Verdict.FAIL: 2, Verdict.NO_DATA: 1, Verdict.PASS: 0}
    worst = max(judged, key=lambda e: (order[e.verdict], e.value or 0.0))
    return worst.model_copy(update={"window": window})


def _drift_of(
    analysis: Analysis, model: str, mine: Mapping[str, float], base: Mapping[str, float], now: float
) -> Evidence:
    limit = analysis.drift.max_kl
    n, m = sum(mine.values()), sum(base.values())
    divergence, error = kl_divergence(mine, base)
    seen = f"{model}: {_shares(mine)} against {_shares(base)} of stable"
    enough = n >= analysis.min_samples and m >= analysis.min_samples
    if divergence > limit and (enough or divergence - Z * error > limit):
        verdict, text = Verdict.FAIL, f"drift {divergence:.3f} over {limit:g}: {seen}"
    elif enough:
        verdict, text = Verdict.PASS, f"drift {divergence:.3f} within {limit:g}: {seen}"
    else:
        verdict, text = Verdict.NO_DATA, _too_few(min(n, m), analysis.min_samples)
    return Evidence(
        signal=DRIFT,
        verdict=verdict,
        reason=_reason(verdict),
        value=_figure(divergence),
        baseline=0.0,
        threshold=limit,
        samples=_figure(n),
        time=rfc3339(now),
        message=text,
    )


def custom(metric: CustomMetric, value: float | Problem | None, now: float) -> Evidence:
    """Judge a custom query's number against its bounds."""
    signal = CUSTOM_PREFIX + metric.name
    if value is None:
        return no_data(signal, NO_SERIES, "the query was not answered", now)
    if isinstance(value, Problem):
        return no_data(signal, value.reason, value.message, now)
    if not math.isfinite(value):
        return no_data(signal, "NotANumber", f"the query's result is {value}", now)
    threshold = metric.max if metric.max is not None else metric.min
    if metric.max is not None and value > metric.max:
        verdict, text = Verdict.FAIL, f"{value:g} over {metric.max:g}"
    elif metric.min is not None and value < metric.min:
        verdict, threshold, text = Verdict.FAIL, metric.min, f"{value:g} under {metric.min:g}"
    else:
        verdict, text = Verdict.PASS, f"{value:g} within its bounds"
    return Evidence(
        signal=signal,
        verdict=verdict,
        value=_figure(value),
        threshold=threshold,
        time=rfc3339(now),
        message=f"{metric.name}: {text}",
    )


def baseline_of(
    readings: Readings, kept: Baseline | None, min_samples: int, now: float
) -> Baseline | None:
    """Return the stable revision's figures to keep: new ones where there are enough of them."""
    stable = readings.stable
    if _total(stable) < min_samples or stable.latency is None:
        return kept
    classes = {model: dict(counts) for model, counts in stable.classes.items()}
    return Baseline(
        latency=_figure(stable.latency.quantile),
        classes=classes or (kept.classes if kept is not None else {}),
        accuracy=baseline_accuracy(stable.feedback, kept, min_samples),
        samples=_figure(_total(stable)),
        time=rfc3339(now),
    )


def _latency_baseline(
    analysis: Analysis, stable: RevisionReadings, kept: Baseline | None
) -> float | None:
    """Return the figure with more samples behind it, if there are enough: seconds.

    Below 100 % the kept one has just been made from the stable's own. At 100 % the stable's window
    runs dry, and its last hundred answers would be a poor measure.
    """
    own = stable.latency
    least = max(analysis.min_samples, kept.samples if kept is not None and kept.latency else 0.0)
    if own is not None and own.samples >= least:
        base: float | None = own.quantile
    else:
        base = kept.latency if kept is not None else None
    return base if base else None  # a baseline of zero is no baseline


def _surely_slow(mine: Latency, limit: float, quantile: float) -> bool:
    """Tell whether more than 1 - quantile of all answers are surely slower than the limit.

    A figure above the limit says how many of the answers were, at least: half of them for the
    median, twice as many as should be for the outer quantile.
    """
    if mine.samples < FEWEST_SLOW:
        return False
    figures = ((0.5, mine.median), (1 - outer_quantile(quantile), mine.outer))
    return any(
        figure > limit
        and surely_above(math.ceil(share * mine.samples - 1e-9), mine.samples, 1 - quantile)
        for share, figure in figures
    )


def _comparable(
    mine: Mapping[str, Mapping[str, float]], base: Mapping[str, Mapping[str, float]]
) -> list[tuple[str, Mapping[str, float], Mapping[str, float]]]:
    """Pair the models that both revisions serve; where none is common, compare all together."""
    mine = {model: counts for model, counts in mine.items() if sum(counts.values()) > 0}
    base = {model: counts for model, counts in base.items() if sum(counts.values()) > 0}
    common = sorted(set(mine) & set(base))
    if common:
        return [(model, mine[model], base[model]) for model in common]
    if mine and base:
        return [("all models", _pooled(mine), _pooled(base))]
    return []


def _pooled(by_model: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for counts in by_model.values():
        for name, count in counts.items():
            total[name] = total.get(name, 0.0) + count
    return total


def _classes(by_model: Mapping[str, Mapping[str, float]]) -> float:
    return sum(sum(counts.values()) for counts in by_model.values())


def _total(readings: RevisionReadings) -> float:
    return readings.counts.total if readings.counts else 0.0


def _reason(verdict: Verdict) -> str | None:
    return TOO_FEW_SAMPLES if verdict is Verdict.NO_DATA else None


def _too_few(samples: float, minimum: int) -> str:
    return f"{_count(samples)} samples of the {minimum} needed"


def _not_sure(analysis: Analysis) -> str:
    return f"; by chance? it fails when sure at 99 %, or with {PLENTY * analysis.min_samples}"


def _shares(counts: Mapping[str, float]) -> str:
    total = sum(counts.values())
    return " ".join(f"{name} {count / total:.0%}" for name, count in sorted(counts.items()))


def _ms(value: float) -> str:
    return f"{value * 1000:.3g} ms"


def _count(value: float) -> str:
    return str(round(value))


def _figure(value: float) -> float:
    """Six significant digits: enough for anybody, and status doesn't change for noise."""
    return float(f"{value:.6g}")
