"""What a fitted scikit-learn pipeline takes: columns by name and kind, read from what it learned.

An encoder knows its categories, a vectorizer takes text, an imputer takes what is missing; each
step is asked in turn, and a column of which nobody says anything holds numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transit_models.schema import TEXT, TEXT_INPUT, Input
from transit_server.formats.base import UnsupportedModel
from transit_server.formats.estimators.walk import nested

_EXAMPLES = 32
_WHOLE = 2**53  # beyond it, not every whole number is a float


@dataclass(slots=True)
class _Kind:
    """What is known of one column so far."""

    dtype: str = ""
    categories: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    missing: bool = False
    none: bool = False  # what is missing is None, and not NaN


def is_text_pipeline(estimator: Any) -> bool:
    """Whether rows are texts: the first step counts words."""
    first = _first(estimator)
    return _is_vectorizer(first)


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
    if not names_of(estimator) and not any(kind.dtype == TEXT for kind in kinds.values()):
        return ()
    return tuple(
        Input(name, kind.dtype or "float64", (), (), kind.categories, kind.missing, kind.examples)
        for name, kind in kinds.items()
    )


def needs_a_table(estimator: Any) -> bool:
    """Whether something in it asks for columns by name."""
    names = names_of(estimator)
    return bool(names) and _of_a_table(estimator, names) is not None


def none_is_missing(estimator: Any) -> tuple[str, ...]:
    """The columns in which it looks for None, and not for NaN: to an encoder these are two."""
    return tuple(name for name, kind in _kinds_by_name(estimator).items() if kind.none)


def _kinds_by_name(estimator: Any) -> dict[str, _Kind]:
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


def _is_vectorizer(one: Any) -> bool:
    if hasattr(one, "vocabulary_") and hasattr(one, "separator"):
        raise UnsupportedModel(
            "its DictVectorizer takes dictionaries, which are not served: train it on a table, "
            "with a ColumnTransformer and a OneHotEncoder for the texts in it"
        )
    return hasattr(one, "vocabulary_") or (hasattr(one, "analyzer") and hasattr(one, "ngram_range"))


def _kinds(estimator: Any, names: Sequence[str], count: int) -> list[_Kind | None]:
    """One for each column of a table; None for what is dropped."""
    if hasattr(estimator, "best_estimator_"):
        return _kinds(estimator.best_estimator_, names, count)
    if hasattr(estimator, "transformers_"):
        return _of_column_transformer(estimator, names, count)
    if hasattr(estimator, "transformer_list"):
        return _of_union(estimator, names, count)
    kinds: list[_Kind | None] = [_Kind() for _ in range(count)]
    steps = getattr(estimator, "steps", None)
    inside = None if steps or not names else _of_a_table(estimator, names)
    if inside is not None:
        return _kinds(inside, names, count)
    first = True
    for one in [step for _, step in steps] if steps else _inner(estimator):
        if one is None or one == "passthrough":
            continue
        if hasattr(one, "n_features_in_") and one.n_features_in_ != count:
            break  # of the columns that it sees, some were left out or made before
        if (
            hasattr(one, "transformers_")
            or hasattr(one, "steps")
            or hasattr(one, "transformer_list")
        ):
            kinds = _then(kinds, _kinds(one, names, count), may_drop=first)
        else:
            kinds = _together(kinds, _own(one, count))
        if hasattr(one, "transformers_") or _settles(one):
            break  # what comes later sees what this one made
        first = False
    return kinds


def _of_a_table(estimator: Any, names: Sequence[str]) -> Any:
    """The fitted pipeline in an ensemble that sees the table as the ensemble does, if one does."""
    for one in nested(estimator):
        parts = hasattr(one, "transformers_") or getattr(one, "steps", None)
        if parts and one is not estimator and list(names_of(one)) == list(names):
            return one
    return None


def _inner(estimator: Any) -> Iterator[Any]:
    """Of what is no pipeline: itself, and preprocessing that it keeps to itself."""
    private = getattr(estimator, "_preprocessor", None)
    if private is not None:
        yield private
    yield estimator


def _of_union(union: Any, names: Sequence[str], count: int) -> list[_Kind | None]:
    """Side by side: a column is dropped only if all parts drop it."""
    kinds: list[_Kind | None] = [None] * count
    for _, part in union.transformer_list:
        if not isinstance(part, str):
            kinds = _together(kinds, _kinds(part, names, count))
        elif part == "passthrough":
            kinds = _together(kinds, [_Kind() for _ in range(count)])
    return kinds


def _settles(one: Any) -> bool:
    return hasattr(one, "categories_") or hasattr(one, "vocabulary_")


def _of_column_transformer(one: Any, names: Sequence[str], count: int) -> list[_Kind | None]:
    kinds: list[_Kind | None] = [None] * count
    for _, transformer, columns in one.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        places = places_of(columns, names, count)
        if isinstance(transformer, str):
            found: list[_Kind | None] = [_Kind() for _ in places]
        elif isinstance(columns, str) and any(_is_vectorizer(x) for x in nested(transformer)):
            found = [_Kind(TEXT)]
        else:
            found = _kinds(transformer, [names[p] for p in places] if names else (), len(places))
        for place, kind in zip(places, found, strict=True):
            if kinds[place] is None:
                kinds[place] = kind
            elif kind is not None:
                (kinds[place],) = _together([kinds[place]], [kind])
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


def _together(kinds: list[_Kind | None], more: list[_Kind | None]) -> list[_Kind | None]:
    """What an earlier step knows stands; a later one fills in."""
    if len(more) != len(kinds):
        return kinds
    made: list[_Kind | None] = []
    for first, second in zip(kinds, more, strict=True):
        if first is None or second is None:
            made.append(first or second)
            continue
        made.append(
            _Kind(
                first.dtype or second.dtype,
                first.categories or second.categories,
                first.examples or second.examples,
                first.missing or second.missing,
                first.none or second.none,
            )
        )
    return made


def _then(
    kinds: list[_Kind | None], found: list[_Kind | None], *, may_drop: bool
) -> list[_Kind | None]:
    """One after the other: what the first one drops is not seen at all; what a later one does, the
    steps before it have asked for.
    """
    if len(found) != len(kinds):
        return kinds
    both = _together(kinds, found)
    if not may_drop:
        return both
    return [None if later is None else kind for kind, later in zip(both, found, strict=True)]


def _own(one: Any, count: int) -> list[_Kind | None]:
    """What one fitted step says of its columns."""
    if hasattr(one, "categories_") and len(one.categories_) == count:
        strict = getattr(one, "handle_unknown", "error") == "error"
        return [_encoded(categories, strict) for categories in one.categories_]
    if _is_vectorizer(one):
        return [_Kind(TEXT) for _ in range(count)]
    statistics = getattr(one, "statistics_", None)
    if statistics is not None and len(statistics) == count:
        texts = np.asarray(statistics).dtype == object
        none = one.missing_values is None
        return [_Kind(TEXT if texts and isinstance(s, str) else "", missing=True, none=none)
                for s in statistics]  # fmt: skip
    if type(one).__name__ in ("KNNImputer", "IterativeImputer"):
        return [_Kind(missing=True) for _ in range(count)]
    return [_Kind() for _ in range(count)]


def _encoded(known: Any, strict: bool) -> _Kind:
    categories = list(known)
    real = [item for item in categories if item is not None and item == item]
    missing, none = len(real) < len(categories), any(item is None for item in categories)
    if real and all(isinstance(item, str) for item in real):
        texts = tuple(str(item) for item in real)
        return _Kind(TEXT, texts if strict else (), texts[:_EXAMPLES], missing, none)
    if real and all(isinstance(item, bool | np.bool_) for item in real):
        return _Kind("bool", missing=missing, none=none)
    # Of ids that no float holds, each is another category; of smaller ones a float is the same.
    kind = np.asarray(known).dtype
    ids = kind.kind in "iu" and max((abs(int(item)) for item in real), default=0) > _WHOLE
    dtype = kind.name if ids else ""
    if strict and real and all(isinstance(item, int | float | np.number) for item in real):
        return _Kind(dtype, (), tuple(str(item) for item in real[:_EXAMPLES]), missing, none)
    return _Kind(dtype, missing=missing, none=none)
