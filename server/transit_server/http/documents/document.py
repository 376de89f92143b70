"""The OpenAPI document of this very server: which models there are, how many features, whether keys
are needed.

`docs` and `schemas` describe every server; `app` calls `adapted` for each reader, since models are
known only when they are loaded.
"""

from collections.abc import Mapping, Set
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from typing import Any

from transit_models.schema import Inputs
from transit_server.api.v2.inputs import described
from transit_server.api.v2.tensors import BYTES
from transit_server.http.documents import docs
from transit_server.serving.registry import AUTO, Registry
from transit_server.settings import ENSEMBLE

_KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


@dataclass(frozen=True, slots=True)
class Guarded:
    """What stands before the routes: nothing before those in `open_paths`."""

    open_paths: Set[str]
    keys: bool
    rate: bool


def adapted(
    document: Mapping[str, Any], registry: Registry, guarded: Guarded, max_rows: int
) -> dict[str, Any]:
    """A copy of `document` that is exact for this server."""
    made = deepcopy(dict(document))
    if guarded.keys:
        made.setdefault("components", {})["securitySchemes"] = _KEYS
    names = list(registry.refs)
    features = _features(registry)
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _guard(operation, path, guarded)
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "name":
                    parameter["schema"] = {"type": "string", "enum": names}
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None:
                _narrow(body, names, features, max_rows)
                _widen(body, registry)
                if path.endswith("/feedback"):
                    _narrow_feedback(body, registry)
    return made


def _guard(operation: dict[str, Any], path: str, guarded: Guarded) -> None:
    if path in guarded.open_paths:
        return
    v2 = path.startswith("/v2")
    if guarded.keys:
        operation["security"] = [{name: []} for name in _KEYS]
        operation["responses"].update(docs.refusals(401, v2=v2))
    if guarded.rate:
        operation["responses"].update(docs.refusals(429, v2=v2))


def _features(registry: Registry) -> int | None:
    """How many numbers a row has, if that is known and the same for all models."""
    counts = {None if model is None else model.features for model in registry.states.values()}
    return counts.pop() if len(counts) == 1 else None


def _narrow(body: dict[str, Any], names: list[str], features: int | None, max_rows: int) -> None:
    """Names and lengths of this server; the example becomes one that can be sent."""
    properties = body["schema"].get("properties", {})
    if "label" in properties:
        return
    if "enum" not in properties.get("model", {"enum": []}):
        properties["model"]["enum"] = [AUTO, ENSEMBLE, *names]
        body["example"]["model"] = AUTO
    if "inputs" in properties and features is not None:
        tensor = {"shape": [1, features], "data": [1.0] * features}
        body["example"]["inputs"][0].update(tensor)
    rows = properties.get("features")
    if rows is None:
        return
    row = rows["items"] if rows["items"]["type"] == "array" else rows
    if row is not rows:
        rows["maxItems"] = max_rows
    if features is None:
        return
    row["minItems"] = row["maxItems"] = features
    one = [1.0] * features
    body["example"]["features"] = one if row is rows else [one]


def _widen(body: dict[str, Any], registry: Registry) -> None:
    """Rows by name, with text or with nulls, where a model takes such; the example is one."""
    every = [model.inputs for model in registry.states.values() if model is not None]
    unusual = [inputs for inputs in every if inputs.names or inputs.matrix is None]
    properties = body["schema"].get("properties", {})
    if "inputs" in properties and unusual:
        del properties["inputs"]["maxItems"]
        properties["inputs"]["items"]["properties"]["datatype"] = {"type": "string"}
        body["example"]["inputs"] = [_tensor(tensor) for tensor in described(unusual[0])]
    if "features" not in properties or "label" in properties:
        return
    lenient = [inputs for inputs in every if inputs.matrix is not None and inputs.matrix.missing]
    if not unusual and not lenient:
        return
    values = {"type": ["number", "string", "boolean", "null"]}
    row = {
        "anyOf": [
            {"type": "array", "items": values},
            {"type": "object", "additionalProperties": values},
        ]
    }
    given = properties["features"]
    batch = given["items"].get("type") == "array"
    properties["features"] = {**given, "items": row} if batch else row
    named = [inputs for inputs in unusual if inputs.names]
    if named and len(named) == len(every):
        example = {name: _example(named[0], name) for name in named[0].names}
        body["example"]["features"] = [example] if batch else example


def _tensor(described: dict[str, Any]) -> dict[str, Any]:
    shape = [1, *described["shape"][1:]]
    value: Any = "text" if described["datatype"] == BYTES else 1
    return {**described, "shape": shape, "data": [value] * prod(shape)}


def _example(inputs: Inputs, name: str) -> float | str:
    for field in inputs.fields:
        if field.name == name and field.is_text:
            return next(iter((*field.categories, *field.examples, "text")))
    return 1.0


def _narrow_feedback(body: dict[str, Any], registry: Registry) -> None:
    """Labels are names for classes, numbers for regressions."""
    tasks = {model.regression for model in registry.states.values() if model is not None}
    if len(tasks) != 1:
        return
    wanted = "number" if tasks.pop() else "string"
    properties = body["schema"]["properties"]
    (properties["label"],) = (
        choice for choice in properties["label"]["anyOf"] if choice["type"] == wanted
    )
    body["example"]["label"] = 2.5 if wanted == "number" else body["example"]["label"]
