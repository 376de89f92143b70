"""Latency histograms as the server counts them, and their quantiles as Prometheus takes them.

Neighbours: `query.LATENCIES` asks; `latency` compares.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from ...observed import RevisionReadings
from .query import LATENCIES


@dataclass(frozen=True)
class Histogram:
    """Cumulative counts up to bounds in seconds, rising; the last bound is infinity."""

    bounds: tuple[float, ...]
    counts: tuple[float, ...]

    @property
    def samples(self) -> float:
        """How many requests were measured."""
        return self.counts[-1] if self.counts else 0.0

    def quantile(self, q: float) -> float:
        """Return seconds, linear inside a bucket, as `bucketQuantile` of Prometheus' promql.

        Beyond the last finite bound it is that bound. There must be samples.
        """
        rank = q * self.samples
        # An increase is a float: a rank that is a bucket's count in all but the last digit is it.
        index = next(n for n, have in enumerate(self.counts) if have >= rank * (1 - 1e-12))
        if math.isinf(self.bounds[index]):
            return self.bounds[index - 1]
        start = self.bounds[index - 1] if index else 0.0
        before = self.counts[index - 1] if index else 0.0
        inside = self.counts[index] - before
        if rank >= self.counts[index] * (1 - 1e-12):
            return self.bounds[index]
        return start + (self.bounds[index] - start) * (rank - before) / inside


def by_model(readings: RevisionReadings) -> dict[str, Histogram]:
    """Return the histogram of each model that has measured requests, and bounds to tell them apart.

    Whoever drops buckets to save series may leave nothing but the last one.
    """
    buckets: dict[str, dict[float, float]] = {}
    for labels, value in LATENCIES.of(readings):
        try:
            bound = float(labels.get("le", ""))
        except ValueError:
            continue
        if bound >= 0:  # which NaN isn't
            buckets.setdefault(labels.get("model", ""), {})[bound] = value
    found = {model: _histogram(counts) for model, counts in buckets.items()}
    return {model: histogram for model, histogram in found.items() if histogram.samples > 0}


def pooled(histograms: Iterable[Histogram]) -> Histogram:
    """Return the sum. Bounds that not all have count what is surely below them."""
    some = tuple(histograms)
    bounds = sorted({bound for histogram in some for bound in histogram.bounds})
    return _histogram({bound: sum(_up_to(h, bound) for h in some) for bound in bounds})


def _up_to(histogram: Histogram, bound: float) -> float:
    below = bisect_right(histogram.bounds, bound)
    return histogram.counts[below - 1] if below else 0.0


def _histogram(counts: dict[float, float]) -> Histogram:
    """Counts never fall from bound to bound, though each is extrapolated by itself."""
    bounds = tuple(sorted(counts))
    if len(bounds) < 2 or not math.isinf(bounds[-1]):
        return Histogram((), ())
    rising: list[float] = []
    for bound in bounds:
        rising.append(max(counts[bound], rising[-1] if rising else 0.0))
    return Histogram(bounds, tuple(rising))
