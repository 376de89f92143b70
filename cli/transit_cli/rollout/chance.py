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


def one_in(chance: float) -> str:
    """Return a chance as people say it: `1 of 2,300`, or `46 %` of."""
    if chance >= 0.1:
        return f"{chance:.0%} of".replace("%", " %")
    if chance <= 1e-9:
        return "less than 1 of 1,000,000,000"
    number = 1 / chance
    digits = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return f"1 of {round(number / digits) * digits:,}"
