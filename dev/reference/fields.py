"""`docs/reference/fields.md`: every field of a ModelDeployment, as the CRD has them."""

import json
from collections.abc import Iterator
from typing import Any

from transit_operator.api import crd

from .words import cell, head, row, table

Schema = dict[str, Any]
# what is bounded: how a schema calls least and most, and what is counted
BOUNDS = (
    ("minimum", "maximum", ""),
    ("minItems", "maxItems", " items"),
    ("minLength", "maxLength", " characters"),
    ("minProperties", "maxProperties", " entries"),
)


def text() -> str:
    """Return the page."""
    schema = crd.crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    about = (
        "`kubectl explain mdep.spec` says the same in the terminal. How fields work together:"
        " [the ModelDeployment](resource.md)."
    )
    return (
        head("Fields of a ModelDeployment", "the CRD", about)
        + "".join(_section("spec", name, one) for name, one in _sections(schema["spec"]))
        + "\n## status\n\n"
        + _table(schema["status"], "status")
    )


def _sections(spec: Schema) -> list[tuple[str, Schema]]:
    """Each object of the spec has a table of its own; the rest is the first one."""
    parts = spec["properties"]
    large = {name: one for name, one in parts.items() if one.get("properties")}
    small = {name: one for name, one in parts.items() if name not in large}
    return [("", {**spec, "properties": small}), *large.items()]


def _section(root: str, name: str, schema: Schema) -> str:
    path = f"{root}.{name}" if name else root
    words = f"{cell(schema.get('description', ''))}\n\n" if name else ""
    return f"\n## {path}\n\n{words}{_table(schema, path)}"


def _table(schema: Schema, path: str) -> str:
    rows = (
        row(f"`{where}`", _type(one) + (", required" if needed else ""), _meaning(one))
        for where, one, needed in _fields(schema, path)
    )
    return table("Field", "Type, default", "Meaning") + "".join(rows)


def _fields(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    for name, one in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        yield where, one, name in schema.get("required", ())
        yield from _fields(one, where)
        if "items" in one:
            yield from _fields(one["items"], f"{where}[]")


def _type(schema: Schema) -> str:
    if "enum" in schema:
        said = ", ".join(f"`{value}`" for value in schema["enum"])
    elif schema.get("x-kubernetes-int-or-string"):
        said = "number or text"
    elif schema["type"] == "array":
        said = f"list of {schema['items'].get('type', 'anything')}s"
    elif "additionalProperties" in schema:
        said = "map"
    else:
        said = schema["type"]
    bounds = [words for bound in BOUNDS if (words := _bounds(schema, *bound))]
    default = [f"default `{json.dumps(schema['default'])}`"] if "default" in schema else []
    return ", ".join([said, *bounds, *default])


def _bounds(schema: Schema, least: str, most: str, what: str) -> str:
    low = _bound(schema, least, "at least", "above")
    high = _bound(schema, most, "at most", "below")
    said = " and ".join(one for one in (low, high) if one)
    return said + what if said else ""


def _bound(schema: Schema, key: str, inclusive: str, exclusive: str) -> str:
    if key not in schema:
        return ""
    words = exclusive if schema.get(f"exclusive{key.capitalize()}") else inclusive
    return f"{words} {schema[key]:g}"


def _meaning(schema: Schema) -> str:
    """The description, and what the API server says of values that it refuses."""
    rules = [rule["message"] for rule in schema.get("x-kubernetes-validations", ())]
    return cell(" ".join([schema.get("description", ""), *(f"*{rule}.*" for rule in rules)]))
