"""Values that nobody means well with, and documents in which something is one of them.

For property tests of what the operator reads and did not write: `test_hostile_objects`,
`test_hostile_answers`.
"""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]
HUGE = 300_000  # an annotation or a field may have so many letters, and more

NUMBERS = [0, 1, -1, 2**31, 2**63 - 1, -(2**63), 10**25, 0.5, -0.5, 5e-324, 1e308, -1e308]
TIMES = [
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "2026-02-30T00:00:00Z",
    "2026-11-26T12:00:00",
    "2026-11-26",
    "yesterday",
    "2126-11-26T12:00:00+14:00",
]
TEXTS = ["", " ", "\x00", "\n", "ml/m", "..", "{{candidate}}", "%s", "💥", "\u202e", "~0", "1e999"]

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS + TIMES),
    st.text(max_size=20),
    st.just("x" * HUGE),
)
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, document: Any, most: int = 3) -> Any:
    """Return a document in which a few parts are something else, missing, or there many times."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, most))):
        paths = list(_paths(changed))
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        _spoil(draw, _at(changed, path[:-1]), path[-1])
    return changed


def _spoil(draw: st.DrawFn, holder: Any, key: str | int) -> None:
    match draw(st.sampled_from(["alike", "alike", "replace", "remove", "repeat"])):
        case "alike":
            holder[key] = draw(_alike(holder[key]))
        case "replace":
            holder[key] = draw(values)
        case "remove":
            del holder[key]
        case "repeat" if isinstance(holder, list):
            holder += [copy.deepcopy(holder[int(key)]) for _ in range(50)]
        case _:
            if isinstance(holder, dict):
                holder[f"{key}x"] = holder[key]


def _alike(value: Any) -> st.SearchStrategy[Any]:
    """Return values of the same type, which a schema would let pass."""
    match value:
        case bool():
            return st.booleans()
        case int():
            return st.sampled_from([n for n in NUMBERS if isinstance(n, int)])
        case float():
            return st.sampled_from(NUMBERS)
        case str():
            return st.sampled_from([*TEXTS, *TIMES, "x" * HUGE]) | st.text(max_size=20)
        case list():
            return st.just(value * 30)
        case _:
            return values


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _paths(inner, (*path, number))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value
