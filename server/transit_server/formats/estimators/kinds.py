"""What one fitted step of scikit-learn says of its columns: texts, categories, what may be missing.

Neighbour: `columns` asks the steps of a pipeline in turn, and says what requests have to hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from transit_models.schema import TEXT
from transit_server.formats.base import UnsupportedModel

_EXAMPLES = 32
_WHOLE = 2**53  # beyond it, not every whole number is a float


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of one column so far."""

    dtype: str = ""
    categories: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    missing: bool = False
    none: bool = False  # what is missing is None, and not NaN
    objects: bool = False  # its numbers are Python objects, as in a column that has gaps as well
    changed: bool = False  # a step makes other values of it: what later ones know are not its own


def said_by(one: Any, count: int) -> list[Kind | None]:
    """What one fitted step says of its `count` columns."""
    if hasattr(one, "categories_") and len(one.categories_) == count:
        strict = getattr(one, "handle_unknown", "") == "error"  # a TargetEncoder takes all
        return [_encoded(categories, strict) for categories in one.categories_]
    if is_vectorizer(one):
        return [Kind(TEXT) for _ in range(count)]
    statistics = getattr(one, "statistics_", None)
    if statistics is not None and len(statistics) == count:
        return _imputed(one, np.asarray(statistics))
    if type(one).__name__ in ("KNNImputer", "IterativeImputer"):
        return [Kind(missing=_is_gap(one.missing_values)) for _ in range(count)]
    return [Kind(changed=_changes(one)) for _ in range(count)]


def together(kinds: list[Kind | None], more: list[Kind | None]) -> list[Kind | None]:
    """What an earlier step knows stands; a later one fills in."""
    if len(more) != len(kinds):
        return kinds
    return [
        first or second if first is None or second is None else _both(first, second)
        for first, second in zip(kinds, more, strict=True)
    ]


def _both(first: Kind, second: Kind) -> Kind:
    if first.changed:
        text = second.dtype == TEXT
        second = replace(
            second,
            dtype=TEXT if text else "",
            categories=(),
            examples=second.examples if text else (),
            objects=False,
        )
    return Kind(
        first.dtype or second.dtype,
        first.categories or second.categories,
        first.examples or second.examples,
        first.missing or second.missing,
        first.none or second.none,
        first.objects or second.objects,
        first.changed or second.changed,
    )


def is_vectorizer(one: Any) -> bool:
    """Whether it counts words of texts."""
    kind = type(one).__name__
    if kind in ("DictVectorizer", "FeatureHasher"):
        raise UnsupportedModel(
            f"its {kind} takes dictionaries or lists, which are not served: train it on a table, "
            "with a ColumnTransformer and a OneHotEncoder for the texts in it"
        )
    return hasattr(one, "vocabulary_") or (hasattr(one, "analyzer") and hasattr(one, "ngram_range"))


def settles(one: Any) -> bool:
    """Whether what comes later sees what this one made, and nothing of the request."""
    return hasattr(one, "categories_") or hasattr(one, "vocabulary_")


def _changes(one: Any) -> bool:
    nothing = type(one).__name__ == "FunctionTransformer" and one.func is None
    return hasattr(one, "transform") and not nothing


def _is_gap(marker: Any) -> bool:
    """Whether an imputer fills what isn't there; else a value of the author's choice means that."""
    return marker is None or marker != marker or type(marker).__name__ == "NAType"


def _imputed(one: Any, statistics: Any) -> list[Kind | None]:
    gap, none = _is_gap(one.missing_values), one.missing_values is None
    texts = statistics.dtype == object
    return [
        Kind(
            TEXT if texts and isinstance(said, str) else "",
            missing=gap,
            none=none,
            changed=not gap,  # the value that stands for a gap is no category of a later step
        )
        for said in statistics
    ]


def _encoded(known: Any, strict: bool) -> Kind:
    categories = list(known)
    real = [item for item in categories if item is not None and item == item]
    missing, none = len(real) < len(categories), any(item is None for item in categories)
    if real and all(isinstance(item, str) for item in real):
        texts = tuple(str(item) for item in real)
        return Kind(TEXT, texts if strict else (), texts[:_EXAMPLES], missing, none)
    own = np.asarray(known).dtype
    if own.kind in "Mm":
        raise UnsupportedModel(
            "its categories are dates, and JSON has none: train it on texts of them "
            "(strftime('%Y-%m-%d')), or on numbers such as the weekday"
        )
    objects = own.kind == "O"
    if real and all(isinstance(item, bool | np.bool_) for item in real):
        return Kind("bool", missing=missing, none=none, objects=objects)
    # The same number in other bits is another category.
    dtype = own.name if own.kind == "f" and own.itemsize < 8 else _of_ids(real)
    if strict and real and all(isinstance(item, int | float | np.number) for item in real):
        examples = tuple(str(item) for item in real[:_EXAMPLES])
        return Kind(dtype, (), examples, missing, none, objects)
    return Kind(dtype, missing=missing, none=none, objects=objects)


def _of_ids(real: Sequence[Any]) -> str:
    """Of ids that no float holds, each is another category; of smaller ones a float is the same."""
    if not real or not all(isinstance(item, int | np.integer) for item in real):
        return ""
    if max(abs(int(item)) for item in real) <= _WHOLE:
        return ""
    made = np.array([int(item) for item in real])
    return made.dtype.name if made.dtype.kind in "iu" else "int64"
