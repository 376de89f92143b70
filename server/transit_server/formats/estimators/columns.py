"""What a fitted scikit-learn pipeline takes: columns by name and kind, read from what it learned.

An encoder knows its categories, a vectorizer takes text, an imputer takes what is missing; each
step is asked in turn, and a column of which nobody says anything holds numbers. Neighbour: `kinds`
knows what one step says.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from transit_models.schema import TEXT, TEXT_INPUT, Input
from transit_server.formats.base import UnsupportedModel
from transit_server.formats.estimators.kinds import (
    Kind,
    is_vectorizer,
    said_by,
    settles,
    together,
)
from transit_server.formats.estimators.walk import nested


def is_text_pipeline(estimator: Any) -> bool:
    """Whether rows are texts: the first step counts words, or those of all parts of it do."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    if is_vectorizer(estimator):
        return True
    if names_of(estimator) or getattr(estimator, "n_features_in_", None):
        return False
    if (steps := getattr(estimator, "steps", None)) is not None:
        real = [step for _, step in steps if step is not None and step != "passthrough"]
        cleaned = (one for one in real if type(one).__name__ != "FunctionTransformer")
        return is_text_pipeline(next(cleaned, None))
    if (parts := getattr(estimator, "transformer_list", None)) is not None:
        return bool(parts) and all(is_text_pipeline(part) for _, part in parts)
    return any(
        is_text_pipeline(one)
        for one in nested(estimator)
        if one is not estimator and getattr(one, "steps", None)
    )


def text_input() -> tuple[Input, ...]:
    return (Input(TEXT_INPUT, TEXT),)


def names_of(estimator: Any) -> tuple[str, ...]:
    """The columns that it was trained with, by name; () when it was trained with an array."""
    for one in (estimator, _first(estimator)):
        names = getattr(one, "feature_names_in_", None)
        if names is not None:
            return tuple(str(name) for name in names)
    return ()


def fields_of(estimator: Any) -> tuple[Input, ...]:
    """Its columns, without those that it drops; () when it has no names and takes numbers only."""
    kinds = _kinds_by_name(estimator)
    objects = any(kind.dtype == TEXT or kind.objects for kind in kinds.values())
    if not names_of(estimator) and not objects:
        return ()
    return tuple(
        Input(name, kind.dtype or "float64", (), (), kind.categories, kind.missing, kind.examples)
        for name, kind in kinds.items()
    )


def needs_a_table(estimator: Any) -> bool:
    """Whether something in it asks for columns by name."""
    names = names_of(estimator)
    return bool(names) and any(map(_by_name, _members(estimator, names)))


def none_is_missing(estimator: Any) -> tuple[str, ...]:
    """The columns in which it looks for None, and not for NaN: to an encoder these are two."""
    return tuple(name for name, kind in _kinds_by_name(estimator).items() if kind.none)


def dtype_of(estimator: Any) -> str:
    """In which it compares the numbers of a matrix with its categories; '' where it has none, or
    any dtype will do.
    """
    dtypes = {kind.dtype for kind in _kinds_by_name(estimator).values() if kind.dtype}
    return dtypes.pop() if len(dtypes) == 1 else ""


def as_objects(estimator: Any) -> tuple[str, ...]:
    """The columns of numbers that it knows as Python objects, as pandas has them beside gaps."""
    return tuple(name for name, kind in _kinds_by_name(estimator).items() if kind.objects)


def _kinds_by_name(estimator: Any) -> dict[str, Kind]:
    """Of the columns that it does not drop."""
    names = names_of(estimator)
    count = len(names) or int(getattr(_first(estimator), "n_features_in_", 0) or 0)
    kinds = _kinds(estimator, names, count)
    names = names or tuple(f"x{number}" for number in range(count))
    return {name: kind for name, kind in zip(names, kinds, strict=True) if kind is not None}


def _first(estimator: Any) -> Any:
    while True:
        steps = getattr(estimator, "steps", None)
        if steps is None:
            inner = getattr(estimator, "best_estimator_", None)
            if inner is None:
                return estimator
            estimator = inner
            continue
        real = [step for _, step in steps if step is not None and step != "passthrough"]
        if not real:
            return estimator
        estimator = real[0]


def _kinds(estimator: Any, names: Sequence[str], count: int) -> list[Kind | None]:
    """One for each column of a table; None for what is dropped."""
    if hasattr(estimator, "best_estimator_"):
        return _kinds(estimator.best_estimator_, names, count)
    if hasattr(estimator, "transformers_"):
        return _of_column_transformer(estimator, names, count)
    if hasattr(estimator, "transformer_list"):
        return _of_union(estimator, names, count)
    kinds: list[Kind | None] = [Kind() for _ in range(count)]
    steps = getattr(estimator, "steps", None)
    members = [] if steps or not names else _members(estimator, names)
    if any(map(_by_name, members)):
        return _side_by_side([_kinds(one, names, count) for one in members], count)
    first = True
    for one in [step for _, step in steps] if steps else _inner(estimator):
        if one is None or one == "passthrough":
            continue
        own = [str(name) for name in getattr(one, "feature_names_in_", ())]
        if names and own and own != list(names):
            kinds = together(kinds, _by_their_names(one, own, names))
            break  # of the columns that it sees, some were left out or made before
        if hasattr(one, "n_features_in_") and one.n_features_in_ != count:
            break
        if (
            hasattr(one, "transformers_")
            or hasattr(one, "steps")
            or hasattr(one, "transformer_list")
        ):
            kinds = _then(kinds, _kinds(one, names, count), may_drop=first)
        else:
            kinds = together(kinds, said_by(one, count))
        if hasattr(one, "transformers_") or settles(one):
            break  # what comes later sees what this one made
        first = False
    return kinds


def _by_their_names(one: Any, own: Sequence[str], names: Sequence[str]) -> list[Kind | None]:
    """What a later step says of the columns that have come to it as they were."""
    found = dict(zip(own, _kinds(one, own, len(own)), strict=True))
    return [found.get(name) or Kind() for name in names]


def _members(estimator: Any, names: Sequence[str]) -> list[Any]:
    """What is fitted in an ensemble and sees the table as the ensemble does, each without what is
    in it.
    """
    found: list[Any] = []
    known: set[int] = set()
    for one in nested(estimator):
        own = getattr(one, "feature_names_in_", None)
        if one is estimator or id(one) in known or own is None or list(own) != list(names):
            continue
        found.append(one)
        known.update(id(part) for part in nested(one))
    return found


def _by_name(one: Any) -> bool:
    return bool(getattr(one, "steps", None)) or hasattr(one, "transformers_") or needs_a_table(one)


def _side_by_side(parts: Sequence[list[Kind | None]], count: int) -> list[Kind | None]:
    """A column is dropped only if all parts drop it."""
    kinds: list[Kind | None] = [None] * count
    for part in parts:
        kinds = together(kinds, part)
    return kinds


def _inner(estimator: Any) -> Iterator[Any]:
    """Of what is no pipeline: itself, and preprocessing that it keeps to itself."""
    private = getattr(estimator, "_preprocessor", None)
    if private is not None:
        yield private
    yield estimator


def _of_union(union: Any, names: Sequence[str], count: int) -> list[Kind | None]:
    parts: list[list[Kind | None]] = []
    for _, part in union.transformer_list:
        if not isinstance(part, str):
            parts.append(_kinds(part, names, count))
        elif part == "passthrough":
            parts.append([Kind() for _ in range(count)])
    return _side_by_side(parts, count)


def _of_column_transformer(one: Any, names: Sequence[str], count: int) -> list[Kind | None]:
    kinds: list[Kind | None] = [None] * count
    for _, transformer, columns in one.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        places = places_of(columns, names, count)
        if isinstance(transformer, str):
            found: list[Kind | None] = [Kind() for _ in places]
        elif isinstance(columns, str) and any(is_vectorizer(x) for x in nested(transformer)):
            found = [Kind(TEXT)]
        else:
            found = _kinds(transformer, [names[p] for p in places] if names else (), len(places))
        for place, kind in zip(places, found, strict=True):
            if kinds[place] is None:
                kinds[place] = kind
            elif kind is not None:
                (kinds[place],) = together([kinds[place]], [kind])
    return kinds


def places_of(columns: Any, names: Sequence[str], count: int) -> list[int]:
    """Where the columns that a transformer asks for are. Raises `UnsupportedModel`."""
    if isinstance(columns, str):
        return [_place(columns, names)]
    if isinstance(columns, int | np.integer):
        return [int(columns)]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = _place(columns.start, names) if columns.start is not None else 0
            stop = _place(columns.stop, names) + 1 if columns.stop is not None else count
            return list(range(start, stop))
        return list(range(count))[columns]
    listed = list(columns)
    if listed and isinstance(listed[0], bool | np.bool_):
        return [place for place, wanted in enumerate(listed) if wanted]
    return [_place(item, names) if isinstance(item, str) else int(item) for item in listed]


def _place(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise UnsupportedModel(
            f"it asks for the column {name!r} by name, and keeps no names of the columns it was "
            "trained with: save it again with scikit-learn 1.0 or later"
        )
    return list(names).index(name)


def _then(
    kinds: list[Kind | None], found: list[Kind | None], *, may_drop: bool
) -> list[Kind | None]:
    """One after the other: what the first one drops is not seen at all; what a later one does, the
    steps before it have asked for.
    """
    if len(found) != len(kinds):
        return kinds
    both = together(kinds, found)
    if not may_drop:
        return both
    return [None if later is None else kind for kind, later in zip(both, found, strict=True)]
