"""Everything nested in a fitted estimator: steps, trees, what a search or an ensemble found."""

from collections.abc import Iterator
from typing import Any

_DEEP = 12


def nested(estimator: Any) -> Iterator[Any]:
    """`estimator` and all in it that looks like an estimator, outermost first."""
    seen: set[int] = set()

    def walk(thing: Any, depth: int) -> Iterator[Any]:
        if depth > _DEEP or id(thing) in seen:
            return
        if isinstance(thing, list | tuple):
            seen.add(id(thing))
            for item in thing:
                yield from walk(item, depth + 1)
        elif isinstance(thing, dict):
            seen.add(id(thing))
            for item in thing.values():
                yield from walk(item, depth + 1)
        elif type(thing).__name__ == "ndarray" and thing.dtype == object:
            seen.add(id(thing))
            for item in thing.ravel().tolist():
                yield from walk(item, depth + 1)
        elif hasattr(thing, "calibrators"):  # a part of CalibratedClassifierCV
            seen.add(id(thing))
            yield from walk(thing.estimator, depth + 1)
        elif hasattr(thing, "get_params") and not isinstance(thing, type):
            seen.add(id(thing))
            yield thing
            for item in vars(thing).values():
                yield from walk(item, depth + 1)

    yield from walk(estimator, 0)


def use_threads(estimator: Any, threads: int) -> None:
    """Starting threads for a few rows costs more than it brings: `n_jobs` of everything nested."""
    for one in nested(estimator):
        if hasattr(one, "n_jobs"):
            one.n_jobs = threads
        if hasattr(one, "get_booster"):  # XGBoost keeps the number in the booster
            try:
                one.get_booster().set_param({"nthread": threads})
            except Exception:  # noqa: S112 - not fitted: then it answers nothing either
                continue
