"""The ModelDeployments of YAML files, each value with the line it stands on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from .finding import Path

KIND = "ModelDeployment"
GROUP = "transit.dev/"
_DATE = "tag:yaml.org,2002:timestamp"


class NotYaml(Exception):
    """The text is no YAML, or has values that JSON doesn't know."""


class _Loader(yaml.SafeLoader):
    """Reads YAML as kubectl does, to which what looks like a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in known if tag != _DATE]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """One ModelDeployment. `lines` has the line of each path, counted from 1."""

    value: dict[str, Any]
    lines: dict[Path, int]

    def line(self, path: Path) -> int | None:
        """Return the line of a path, or of the nearest one above that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def documents(text: str) -> Iterator[Document]:
    """Yield the ModelDeployments, those inside a List too. Raises: NotYaml."""
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield from _inside(loader.construct_document(node), node)
    except yaml.YAMLError as error:
        raise NotYaml(str(error)) from error
    except RecursionError as error:
        raise NotYaml("an anchor contains itself, or it is nested too deeply") from error
    finally:
        loader.dispose()


def _inside(value: Any, node: yaml.Node) -> Iterator[Document]:
    if not isinstance(value, dict):
        return
    if value.get("kind") == KIND and _is_ours(value.get("apiVersion")):
        _must_be_json(value)
        lines: dict[Path, int] = {}
        _note(node, (), lines)
        yield Document(value, lines)
    for number, item in enumerate(_items(value)):
        yield from _inside(item, _child(_child(node, "items"), number))


def _is_ours(version: Any) -> bool:
    """Tell whether it is no other group's kind of that name; one that says nothing is ours."""
    return not isinstance(version, str) or "/" not in version or version.startswith(GROUP)


def _items(value: dict[str, Any]) -> list[Any]:
    items = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(items, list):
        return items
    return []


def _must_be_json(value: Any) -> None:
    """Raise `NotYaml` for what no JSON can say, which is how it is sent."""
    if isinstance(value, dict):
        for inner in value.values():
            _must_be_json(inner)
    elif isinstance(value, list):
        for inner in value:
            _must_be_json(inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise NotYaml(f"{value} is no number in JSON, as which it is sent")
    elif value is not None and not isinstance(value, str | int | float):
        raise NotYaml(f"{value!r} is nothing that JSON has, as which it is sent")


def _note(node: yaml.Node, path: Path, lines: dict[Path, int]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, inner in node.value:
            below = (*path, str(key.value))
            lines[below] = key.start_mark.line + 1
            _note(inner, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, inner in enumerate(node.value):
            _note(inner, (*path, number), lines)


def _child(node: yaml.Node, part: str | int) -> yaml.Node:
    if isinstance(part, int):
        found: yaml.Node = node.value[part]
        return found
    inner: yaml.Node = next(inner for key, inner in node.value if key.value == part)
    return inner
