"""Which pods and classes stood out: those that differ from the others by more than a little.

Counts are as Prometheus has them for the window of the verdict. Pure.
"""

from collections.abc import Mapping

from ..status.signals import milliseconds, percent

_TIMES = 2.0  # as much as the others together
_FEW = 10  # events that are too few to blame anybody
_SHARE = 0.05  # of all predictions: a class that moved by less is not told
_NAMED = 5
_DIGITS = 3  # of a share: what differs by less has moved by as much


def pods_by_errors(counts: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return pods with far more errors than the others. `counts`: bad ones, and all, by pod."""
    bad, every = (sum(c[i] for c in counts.values()) for i in (0, 1))
    found = []
    for pod, (mine, total) in sorted(counts.items(), key=lambda item: -item[1][0]):
        others = every - total
        if mine < _FEW or total <= 0 or others <= 0:
            continue
        share, rest = mine / total, (bad - mine) / others
        if share > _TIMES * rest:
            found.append(f"{pod}: {percent(share)} failed, of the others {percent(rest)}")
    if not found and len(counts) > 1 and bad >= _FEW:
        found.append(f"no pod alone: all {len(counts)} have about the same share")
    return found[:_NAMED]


def pods_by_latency(seconds: Mapping[str, float]) -> list[str]:
    """Return pods that were far slower than the median of all."""
    if len(seconds) < 2:
        return []
    middle = sorted(seconds.values())[(len(seconds) - 1) // 2]
    slow = {pod: value for pod, value in seconds.items() if value > _TIMES * middle}
    if not slow:
        return [f"no pod alone: all {len(seconds)} are about as slow"]
    ordered = sorted(slow.items(), key=lambda item: -item[1])
    return [f"{pod}: {milliseconds(v)}, half of them {milliseconds(middle)}" for pod, v in ordered][
        :_NAMED
    ]


def classes(mine: Mapping[str, float], base: Mapping[str, float]) -> list[str]:
    """Return the classes whose share moved most, from the stable's to the candidate's.

    Of two that moved by as much as the other, the one that gained comes first.
    """
    n, m = sum(mine.values()), sum(base.values())
    if n <= 0 or m <= 0:
        return []
    moved = {c: mine.get(c, 0.0) / n - base.get(c, 0.0) / m for c in {*mine, *base}}
    far = sorted(moved, key=lambda c: (-round(abs(moved[c]), _DIGITS), -moved[c], c))
    return [
        f"class {c}: {percent(base.get(c, 0.0) / m)} of the stable's predictions,"
        f" {percent(mine.get(c, 0.0) / n)} of the candidate's"
        for c in far[:_NAMED]
        if abs(moved[c]) >= _SHARE
    ]
