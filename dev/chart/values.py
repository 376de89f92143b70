"""Reads `values.yaml` with its comments: the comment above a key is what is said of it.

Neighbours: `schema` and `table` are made of it; `shapes` knows which values have no keys of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .shapes import is_open

Route = tuple[str, ...]  # of keys, from the top


class NotDescribed(Exception):
    """A value without a comment."""


@dataclass(frozen=True)
class Value:
    """A value, or a group of them."""

    route: Route
    default: Any
    description: str
    group: bool

    @property
    def name(self) -> str:
        """As it is set: `image.tag`."""
        return ".".join(self.route)


def read(file: Path) -> list[Value]:
    """Return every value in the order of the file. Raises: NotDescribed."""
    text = file.read_text()
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{file} is no mapping")
    return list(_values((), root, yaml.safe_load(text), text.splitlines()))


def _values(
    above: Route, node: yaml.MappingNode, defaults: dict[str, Any], lines: list[str]
) -> Iterator[Value]:
    for key, value in node.value:
        route = (*above, key.value)
        default = defaults[key.value]
        group = isinstance(value, yaml.MappingNode) and not is_open(route)
        description = _comment(lines, key.start_mark.line, key.start_mark.column)
        if not description:
            raise NotDescribed(f"values.yaml: {'.'.join(route)} has no comment above it")
        yield Value(route, default, description, group)
        if group:
            yield from _values(route, value, default, lines)


def _comment(lines: list[str], line: int, column: int) -> str:
    """Return the comment lines right above a key, at its column."""
    found: list[str] = []
    start = " " * column + "# "
    while line > 0 and lines[line - 1].startswith(start):
        line -= 1
        found.insert(0, lines[line].removeprefix(start).strip())
    return " ".join(found)
