"""What stable and candidate predict, side by side: the share of each class, by model. Pure."""

from collections.abc import Sequence

from ..status.shown import Value
from .curves import Series

MOST = 12  # classes of a model that are shown one by one


class Share(Value):
    """One class: its share of each revision's predictions."""

    name: str
    candidate: float
    stable: float


class Mix(Value):
    """The classes of one model, those that moved most first. `others`: how many aren't shown."""

    model: str
    shares: tuple[Share, ...]
    others: int = 0


def mixes(series: Sequence[Series], candidate: str, stable: str) -> list[Mix]:
    """Return the classes by model, from counts by revision, model and class."""
    counts: dict[str, dict[str, dict[str, float]]] = {}
    for one in series:
        revision, value = one.labels.get("revision", ""), one.points[0][1]
        if revision in (candidate, stable) and value == value:
            classes = counts.setdefault(one.labels.get("model", ""), {})
            of_class = classes.setdefault(one.labels.get("class", ""), {})
            of_class[revision] = of_class.get(revision, 0.0) + value
    return [_mix(model, classes, candidate, stable) for model, classes in sorted(counts.items())]


def _mix(model: str, classes: dict[str, dict[str, float]], candidate: str, stable: str) -> Mix:
    mine, base = (sum(c.get(r, 0.0) for c in classes.values()) for r in (candidate, stable))
    shares = [
        Share(
            name=name,
            candidate=count.get(candidate, 0.0) / mine if mine else 0.0,
            stable=count.get(stable, 0.0) / base if base else 0.0,
        )
        for name, count in classes.items()
    ]
    shares.sort(key=lambda s: (-abs(s.candidate - s.stable), s.name))
    shown = sorted(shares[:MOST], key=lambda s: s.name)
    return Mix(model=model, shares=tuple(shown), others=len(shares) - len(shown))
