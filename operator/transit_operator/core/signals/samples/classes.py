"""Predicted classes: counts by model, and how many classes become few without hiding a change.

Three things make them fewer. `tail`: the rarest classes that together have little mass are one.
`bounded`: what is kept in the status of a model with thousands of classes is the most frequent and
some groups of the others. `like`: counts in the groups of such a baseline, so that both compare.
Neighbours: `drift` compares them.
"""

import zlib
from collections.abc import Mapping
from typing import Final

from ...observed import RevisionReadings
from .query import CLASSES

Counts = Mapping[str, float]

KEPT: Final = 30  # classes kept by name
GROUPS: Final = 20  # groups of the others
LONGEST: Final = 64  # bytes of a name that is kept
TAIL_MASS: Final = 0.05  # of both revisions' predictions together
TAIL: Final = "(rare)"
_GROUP: Final = "~"


def by_model(readings: RevisionReadings) -> dict[str, dict[str, float]]:
    """Return the counts of each model's classes, also those at 0."""
    found: dict[str, dict[str, float]] = {}
    for labels, value in CLASSES.of(readings):
        found.setdefault(labels.get("model", ""), {})[labels.get("class", "")] = value
    return found


def seen(counts: Counts) -> dict[str, float]:
    """Return the classes that were predicted at all."""
    return {name: count for name, count in counts.items() if count > 0}


def total(by_model: Mapping[str, Counts]) -> float:
    """Return all predictions."""
    return sum(sum(counts.values()) for counts in by_model.values())


def pooled(by_model: Mapping[str, Counts]) -> dict[str, float]:
    """Return the classes of all models together."""
    found: dict[str, float] = {}
    for counts in by_model.values():
        for name, count in counts.items():
            found[name] = found.get(name, 0.0) + count
    return found


def bounded(counts: Counts) -> dict[str, float]:
    """Return counts of at most 50 names: the most frequent classes, and groups of the others."""
    some = seen(counts)
    if len(some) <= KEPT + GROUPS and all(len(name.encode()) <= LONGEST for name in some):
        return some
    short = [name for name in some if len(name.encode()) <= LONGEST]
    named = set(sorted(short, key=lambda name: (-some[name], name))[:KEPT])
    return _grouped(some, named)


def like(counts: Counts, base: Counts) -> dict[str, float]:
    """Return the counts in the groups of a bounded baseline; others are returned as they are."""
    if not any(name.startswith(_GROUP) for name in base):
        return seen(counts)
    return _grouped(seen(counts), set(base))


def tail(mine: Counts, base: Counts) -> tuple[dict[str, float], dict[str, float]]:
    """Return both with the rarest classes as one: as many as have a twentieth of the mass.

    What this can hide is small: 0.05 ln(0.05 / share of the rarest class), at most.
    """
    n, m = sum(mine.values()), sum(base.values())
    mass = {c: (mine.get(c, 0.0) / n + base.get(c, 0.0) / m) / 2 for c in set(mine) | set(base)}
    rare: set[str] = set()
    sum_of_rare = 0.0
    for name in sorted(mass, key=lambda c: (mass[c], c)):
        sum_of_rare += mass[name]
        if sum_of_rare > TAIL_MASS:
            break
        rare.add(name)
    if len(rare) < 2:
        return dict(mine), dict(base)
    return _merged(mine, rare), _merged(base, rare)


def _merged(counts: Counts, rare: set[str]) -> dict[str, float]:
    found = {name: count for name, count in counts.items() if name not in rare}
    found[TAIL] = sum(count for name, count in counts.items() if name in rare)
    return found


def _grouped(counts: Counts, named: set[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, count in counts.items():
        group = name if name in named else f"{_GROUP}{zlib.crc32(name.encode()) % GROUPS}"
        found[group] = found.get(group, 0.0) + count
    return found
