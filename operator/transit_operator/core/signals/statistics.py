"""The statistics behind the signals. `docs/concepts/statistics.md` explains and simulates them.

Counts may be fractional, because Prometheus extrapolates an increase to the window's edges.
"""

import math
from collections.abc import Callable, Mapping

CONFIDENCE = 0.99
Z = 2.3263478740408408  # one-sided 99 % quantile of the normal distribution
SMOOTHING = 0.5  # Jeffreys' prior: an empty class is rare, not impossible


def binomial_tail(successes: float, trials: float, probability: float) -> float:
    """Return P(X >= successes) for X ~ Binomial(trials, probability), 0 <= result <= 1.

    Successes are rounded down and trials up, so the answer is never too small.
    """
    k, n = math.floor(successes + 1e-9), math.ceil(trials - 1e-9)
    if k <= 0:
        return 1.0
    if k > n or probability <= 0:
        return 0.0
    if probability >= 1:
        return 1.0
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = math.exp(choose + k * math.log(probability) + (n - k) * math.log1p(-probability))
    if term == 0.0:  # so far from what is expected that a float can't tell
        return 1.0 if k < n * probability else 0.0
    odds = probability / (1 - probability)
    total = term
    for i in range(k, n):
        term *= (n - i) / (i + 1) * odds
        total += term
        if i > n * probability and term < total * 1e-17:
            break
    return min(1.0, total)


def surely_above(successes: float, trials: float, threshold: float, tests: int = 1) -> bool:
    """Tell whether a share is above the threshold at a one-sided confidence of 99 %.

    The same as asking whether the lower bound of Clopper and Pearson (Biometrika 26, 1934) lies
    above the threshold: exact for any number of trials, so ten of ten is enough and one of three
    is not. Of several tests, any of which may convince, each must be surer (Bonferroni).
    """
    return trials > 0 and binomial_tail(successes, trials, threshold) <= (1 - CONFIDENCE) / tests


def lower_bound(successes: float, trials: float, tests: int = 1) -> float:
    """Return the one-sided lower bound of a share at 99 %, of Clopper and Pearson."""
    return _bisected(lambda p: surely_above(successes, trials, p, tests))


def upper_bound(successes: float, trials: float, tests: int = 1) -> float:
    """Return the one-sided upper bound of a share at 99 %, of Clopper and Pearson."""
    # The other outcomes' lower bound; whole numbers are rounded so that the bound is never too low.
    return 1 - lower_bound(max(0.0, trials - successes), trials, tests)


def _bisected(holds: Callable[[float], bool]) -> float:
    """Return the largest of 0 to 1 for which it holds, if it holds below that."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _fewer(share: tuple[float, float]) -> tuple[float, float]:
    """Return a share of at most 2,000 trials: never surer than it was, and quickly summed."""
    successes, trials = share
    return share if trials <= 2_000 else (successes * 2_000 / trials, 2_000.0)


def surely_larger(
    mine: tuple[float, float], base: tuple[float, float], by: float, tests: int = 1
) -> bool:
    """Tell whether one share (successes, trials) is above another by more than `by`, at 99 %.

    Two bounds that don't overlap, each at half of the chance of error: one-sided, exact for few
    trials and for shares of 0 and 1, and a little slower to convince than a test of the difference.
    """
    if mine[1] <= 0 or base[1] <= 0:
        return False
    mine, base = _fewer(mine), _fewer(base)
    limit = upper_bound(*base, 2 * tests) + by
    return limit < 1 and surely_above(*mine, limit, 2 * tests)


def outer_quantile(quantile: float) -> float:
    """Return the quantile that twice as many values lie above: 0.90 for 0.95, 0.98 for 0.99.

    A quantile of 0.5 or less has none; half of it is returned, which is as good a place.
    """
    return round(max(2 * quantile - 1, quantile / 2), 9)


def kl_divergence(
    candidate: Mapping[str, float], stable: Mapping[str, float]
) -> tuple[float, float]:
    """Return KL(candidate || stable) over classes in nats, and its standard error.

    The arguments map a class to how often it was predicted; the total of each must be positive.
    Shares are smoothed by `SMOOTHING`, so that a class that one side never predicted is finite.
    The plug-in estimate of two samples of one distribution with K classes is not 0 but about
    (K-1)/2 (1/n + 1/m) (Miller 1955, Paninski, Neural Computation 15, 2003), which is subtracted;
    what is left is not below 0. The standard error is by the delta method.
    """
    classes = sorted(set(candidate) | set(stable))
    n, m = sum(candidate.values()), sum(stable.values())
    k = len(classes)
    p = [(candidate.get(c, 0.0) + SMOOTHING) / (n + SMOOTHING * k) for c in classes]
    q = [(stable.get(c, 0.0) + SMOOTHING) / (m + SMOOTHING * k) for c in classes]
    ratios = [math.log(a / b) for a, b in zip(p, q, strict=True)]
    plug_in = math.fsum(a * r for a, r in zip(p, ratios, strict=True))
    bias = kl_bias(candidate, stable)
    of_candidate = math.fsum(a * r * r for a, r in zip(p, ratios, strict=True)) - plug_in**2
    of_stable = math.fsum(a * a / b for a, b in zip(p, q, strict=True)) - 1
    error = math.sqrt(max(0.0, of_candidate / n) + max(0.0, of_stable / m))
    return max(0.0, plug_in - bias), error


def kl_bias(candidate: Mapping[str, float], stable: Mapping[str, float]) -> float:
    """Return what the plug-in estimate of `kl_divergence` is too large by, in nats."""
    k = len(set(candidate) | set(stable))
    return (k - 1) / 2 * (1 / sum(candidate.values()) + 1 / sum(stable.values()))


def binary_kl(p: float, q: float) -> float:
    """Return KL of two distributions of two classes, in nats; p and q are one class's shares."""
    return sum(
        a * math.log(a / b) if b > 0 else math.inf for a, b in ((p, q), (1 - p, 1 - q)) if a > 0
    )
