"""How likely it is that a number came by chance, for people who doubt it. Pure."""

import math


def at_least(errors: float, predictions: float, share: float) -> float:
    """Return the chance of so many errors or more, were each prediction one with this share."""
    k, n = round(errors), round(predictions)
    if k <= 0:
        return 1.0
    if k > n or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    logs = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = math.exp(logs + k * math.log(share) + (n - k) * math.log1p(-share))
    total = term
    for i in range(k, n):
        term *= (n - i) / (i + 1) * share / (1 - share)
        total += term
        if i > n * share and term < total * 1e-12:
            break
    return min(1.0, total)


SURE = 0.01  # one-sided, as the operator's verdicts have it
_SURE_DEVIATIONS = 2.3263  # of a normal distribution
_MANY = 400.0  # variance of a count from which on the normal distribution is as good
_HALVINGS = 18


def between(bad: float, every: float) -> tuple[float, float]:
    """Return the shares that `bad` of `every` doesn't speak against, at 99 % on each side.

    Clopper and Pearson's interval: the operator turns a version back when all of it is beyond.
    """
    n = max(1, round(every))
    k = min(n, max(0, round(bad)))
    if k * (n - k) > _MANY * n:
        return _wilson(k, n)
    return _lowest(k, n), 1 - _lowest(n - k, n)


def _lowest(k: int, n: int) -> float:
    """Return the smallest share at which so many or more are no surprise."""
    low, high = 0.0, k / n
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(k, n, middle) <= SURE else (low, middle)
    return low


def _wilson(k: int, n: int) -> tuple[float, float]:
    share, square = k / n, _SURE_DEVIATIONS**2 / n
    middle = (share + square / 2) / (1 + square)
    half = _SURE_DEVIATIONS * math.sqrt(share * (1 - share) / n + square / (4 * n)) / (1 + square)
    return middle - half, middle + half


def one_in(chance: float) -> str:
    """Return a chance as people say it: `1 of 2,300`, or `46 %` of."""
    if chance >= 0.1:
        return f"{chance:.0%} of".replace("%", " %")
    if chance <= 1e-9:
        return "less than 1 of 1,000,000,000"
    number = 1 / chance
    digits = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return f"1 of {round(number / digits) * digits:,}"
