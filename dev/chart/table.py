"""`docs/reference/chart-values.md`: every value of the chart in a table. Neighbour: `values`."""

import json
from typing import Any

from .values import Value

HEAD = """\
# Values of the chart

Generated from `charts/transit/values.yaml` by `make crds`. Do not edit. What each part is for, with
examples: [operations](../guides/operations.md).

| Value | Default | Meaning |
|---|---|---|
"""


def text(values: list[Value]) -> str:
    """Return the page."""
    return HEAD + "".join(f"{_row(value)}\n" for value in values)


def _row(value: Value) -> str:
    words = value.description.replace("|", "\\|")
    if value.group:
        return f"| **`{value.name}`** | | {words} |"
    return f"| `{value.name}` | {_shown(value.default)} | {words} |"


def _shown(default: Any) -> str:
    if isinstance(default, dict) and len(json.dumps(default)) > 60:
        return "see `values.yaml`"
    return f"`{json.dumps(default)}`" if default != "" else ""
