"""The statistics behind the signals. `docs/statistics.md` explains and simulates them.

Counts may be fractional, because Prometheus extrapolates an increase to the window's edges.
"""

import math
from collections.abc import Mapping

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
    log_p, log_q = math.log(probability), math.log1p(-probability)

    def term(i: int) -> float:
        choose = math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
        return math.exp(choose + i * log_p + (n - i) * log_q)

    return min(1.0, math.fsum(term(i) for i in range(k, n + 1)))


def surely_above(successes: float, trials: float, threshold: float) -> bool:
    """Tell whether a share is above the threshold at a one-sided confidence of 99 %.

    The same as asking whether the lower bound of Clopper and Pearson (Biometrika 26, 1934) lies
    above the threshold: exact for any number of trials, so ten of ten is enough and one of three
    is not.
    """
    return trials > 0 and binomial_tail(successes, trials, threshold) <= 1 - CONFIDENCE


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
    bias = (k - 1) / 2 * (1 / n + 1 / m)
    of_candidate = math.fsum(a * r * r for a, r in zip(p, ratios, strict=True)) - plug_in**2
    of_stable = math.fsum(a * a / b for a, b in zip(p, q, strict=True)) - 1
    error = math.sqrt(max(0.0, of_candidate / n) + max(0.0, of_stable / m))
    return max(0.0, plug_in - bias), error
