"""The ModelDeployments of YAML files, each value with the line it stands on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from .finding import Path

KIND = "ModelDeployment"


class NotYaml(Exception):
    """The text is no YAML, or has values that JSON doesn't know."""


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
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield from _inside(loader.construct_document(node), node)
    except yaml.YAMLError as error:
        raise NotYaml(str(error)) from error
    finally:
        loader.dispose()


def _inside(value: Any, node: yaml.Node) -> Iterator[Document]:
    if not isinstance(value, dict):
        return
    if value.get("kind") == KIND:
        lines: dict[Path, int] = {}
        _note(node, (), lines)
        yield Document(value, lines)
    for number, item in enumerate(value.get("items") or [] if _is_list(value) else []):
        yield from _inside(item, _child(_child(node, "items"), number))


def _is_list(value: dict[str, Any]) -> bool:
    return str(value.get("kind", "")).endswith("List")


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
