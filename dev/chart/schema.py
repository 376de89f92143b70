"""`values.schema.json`: which values there are, of what type, and what is said of them.

A value that isn't in values.yaml is refused, wherever it is. Draft 7, which every Helm 3 knows.
Neighbours: `values`, `shapes`; the part `config` is the operator's own typed configuration.
"""

import json
from typing import Any

from transit_operator.api.config.operator import OperatorConfig

from .shapes import SHAPES, Route, Schema
from .values import Value

_TYPES: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def text(values: list[Value]) -> str:
    """Return the schema as JSON."""
    return json.dumps(schema(values), indent=2, ensure_ascii=False) + "\n"


def schema(values: list[Value]) -> Schema:
    """Return the schema of some values."""
    config = OperatorConfig.model_json_schema(by_alias=True)
    definitions = {name: _cleaned(part) for name, part in config.pop("$defs").items()}
    root: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart transit",
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    places: dict[Route, Schema] = {(): root}
    for value in values:
        found = _of_config(value.route, _cleaned(config), definitions) or _of_chart(value)
        found = {"description": value.description, **found}
        parent = places[value.route[:-1]]
        parent["properties"][value.route[-1]] = found
        if not _may_be_missing(found):
            parent.setdefault("required", []).append(value.route[-1])
        places[value.route] = found
    # What a chart of charts shares with all of them.
    root["properties"]["global"] = {"description": "Not used.", "type": "object"}
    root["definitions"] = _used(root, definitions)
    return root


def _may_be_missing(found: Schema) -> bool:
    """Tell whether a value may be null, which takes its default away, and then means nothing.

    A group may not, nor what must be one of a few or have something in it: the templates would
    stumble over it, or an operator that Helm has installed already.
    """
    return not {"properties", "enum", "minItems", "minLength"} & found.keys()


def _used(root: Schema, definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Return the definitions that something refers to."""
    used: dict[str, Schema] = {}
    while True:
        text = json.dumps([root, used])
        found = {n: part for n, part in definitions.items() if f'"#/definitions/{n}"' in text}
        if found == used:
            return used
        used = found


def _of_chart(value: Value) -> Schema:
    if value.group:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    return SHAPES.get(value.name) or {"type": _TYPES[type(value.default)]}


def _of_config(route: Route, config: Schema, definitions: dict[str, Schema]) -> Schema | None:
    """Return what the operator's configuration says of a value; None for one of the chart."""
    if route[:1] != ("config",):
        return None
    found = config
    for key in route[1:]:
        found = found["properties"][key]
        options = [one for one in found.get("anyOf", []) if one.get("type") != "null"]
        reference = (options[0] if len(options) == 1 else found).get("$ref")
        if reference:
            found = definitions[reference.rsplit("/", 1)[1]]
    if "properties" in found:  # a group, whose values come after it
        return {"type": "object", "properties": {}, "additionalProperties": False}
    return {key: part for key, part in found.items() if key != "description"}


def _cleaned(part: Any) -> Any:
    """Leave out titles and defaults: values.yaml has the defaults, and some differ."""
    if isinstance(part, list):
        return [_cleaned(one) for one in part]
    if not isinstance(part, dict):
        return part
    cleaned = {
        key: {name: _cleaned(one) for name, one in inner.items()}
        if key == "properties"
        else _cleaned(inner)
        for key, inner in part.items()
        if key not in ("title", "default")
    }
    if isinstance(reference := cleaned.get("$ref"), str):
        cleaned["$ref"] = reference.replace("#/$defs/", "#/definitions/")
    return cleaned
