"""A resource against the generated CRD's schema, as the API server does it: defaults, then checks.

A structural schema has few keywords, and those of Kubernetes' own; the words are the API server's,
so that who has read one knows the other. Neighbour: `rules` evaluates the CEL rules of the same
schema.
"""

import copy
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import yaml

from .finding import Path

Schema = dict[str, Any]
Wrong = tuple[Path, str]
FILE = "modeldeployments.transit.dev.yaml"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def bundled() -> Schema:
    """Return the schema that belongs to this version of Transit."""
    text = (resources.files(__package__) / FILE).read_text(encoding="utf-8")
    return of_crd(yaml.safe_load(text))


def of_crd(crd: dict[str, Any]) -> Schema:
    """Return the schema of a CustomResourceDefinition."""
    found: Schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def with_defaults(value: Any, schema: Schema) -> Any:
    """Return a copy with the defaults for what is left out, or null where it may not be."""
    if isinstance(value, dict):
        found = dict(value)
        for name, inner in schema.get("properties", {}).items():
            null = name in found and found[name] is None and not inner.get("nullable")
            if (name not in found or null) and "default" in inner:
                found[name] = copy.deepcopy(inner["default"])
            elif null:
                del found[name]  # as the API server does
            if name in found:
                found[name] = with_defaults(found[name], inner)
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            found = {k: with_defaults(v, others) for k, v in found.items()}
        return found
    if isinstance(value, list):
        return [with_defaults(item, schema.get("items", {})) for item in value]
    return value


def wrong(value: Any, schema: Schema, path: Path = ()) -> Iterator[Wrong]:
    """Yield what the API server would refuse, but for the CEL rules."""
    if value is None and schema.get("nullable"):
        return
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield path, "must be an integer or a text"
            return
    elif "type" in schema and not _is(value, schema["type"]):
        yield path, f"Invalid value: must be of type {schema['type']}"
        return
    if isinstance(value, dict):
        yield from _object(value, schema, path)
    elif isinstance(value, list):
        yield from _list(value, schema, path)
    else:
        yield from ((path, text) for text in _scalar(value, schema))


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _object(value: dict[str, Any], schema: Schema, path: Path) -> Iterator[Wrong]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name in schema.get("required", []):
        if name not in value:
            yield (*path, name), "Required value"
    anything = schema.get("x-kubernetes-preserve-unknown-fields") or (not properties and not others)
    for name, inner in value.items():
        if name in properties:
            yield from wrong(inner, properties[name], (*path, name))
        elif isinstance(others, dict):
            yield from wrong(inner, others, (*path, name))
        elif not anything:
            yield (*path, name), "unknown field"


def _list(value: list[Any], schema: Schema, path: Path) -> Iterator[Wrong]:
    for keyword, over in (("minItems", -1), ("maxItems", 1)):
        bound = schema.get(keyword)
        if bound is not None and (len(value) - bound) * over > 0:
            side = "at least" if over < 0 else "at most"
            yield path, f"should have {side} {bound} items"
    keys = schema.get("x-kubernetes-list-map-keys", [])
    seen = []
    for number, item in enumerate(value):
        yield from wrong(item, schema.get("items", {}), (*path, number))
        if keys and isinstance(item, dict):
            key = [item.get(one) for one in keys]
            if key in seen:
                yield (*path, number), f"Duplicate value: {keys[0]} {key[0]!r}"
            seen.append(key)


def _scalar(value: Any, schema: Schema) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(f'"{one}"' for one in schema["enum"])
        yield f'Unsupported value: "{value}": supported values: {known}'
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"should be at least {schema['minLength']} characters long"
        if len(value) > schema.get("maxLength", len(value)):
            yield f"should be at most {schema['maxLength']} characters long"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"should match {schema['pattern']}"
    elif isinstance(value, int | float):
        yield from _bounds(value, schema)


def _bounds(value: float, schema: Schema) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and schema.get("exclusiveMinimum") and value <= low:
        yield f"should be greater than {low}"
    elif low is not None and value < low:
        yield f"should be greater than or equal to {low}"
    if high is not None and schema.get("exclusiveMaximum") and value >= high:
        yield f"should be less than {high}"
    elif high is not None and value > high:
        yield f"should be less than or equal to {high}"
