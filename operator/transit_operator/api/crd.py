"""Generates the CustomResourceDefinition from the typed resource.

`make crds` writes it to `crds/` and into the chart (`dev/chart`). Neighbours: `spec.py` and
`status.py` are the source; nothing at run time imports this module.
"""

from typing import Any

from pydantic import BaseModel

from . import names
from .spec import ModelDeploymentSpec
from .status import ModelDeploymentStatus

# A bound, so that rules over quantities are cheap enough.
MAX_QUANTITY_LENGTH = 24

# To kstatus, what has no status is done: so it has one before the operator has seen it.
UNSEEN = {"observedGeneration": -1}

_DROPPED = {"title", "discriminator", "additionalProperties"}
_CONSTRAINT_NAMES = {"exclusiveMinimum": ("minimum", True), "exclusiveMaximum": ("maximum", True)}


def crd() -> dict[str, Any]:
    """Return the CRD as a Kubernetes object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": _root_schema()},
                }
            ],
        },
    }


def _columns() -> list[dict[str, Any]]:
    def column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
        return {"name": name, "type": kind, "jsonPath": path, "priority": priority}

    return [
        column("Phase", ".status.phase"),
        column("Stable", ".status.versions.stable"),
        column("Candidate", ".status.versions.candidate"),
        column("Weight", ".status.weight", "integer"),
        column("Step", ".status.step"),
        column("Age", ".metadata.creationTimestamp", "date"),
        column("Stable-Revision", ".status.stable.revision", priority=1),
        column("Candidate-Revision", ".status.candidate.revision", priority=1),
        column("Message", ".status.message", priority=1),
    ]


def _root_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "A machine-learning model that is served, and rolled out with care.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{names.API_VERSION}."},
            "kind": {"type": "string", "description": f"{names.KIND}."},
            "metadata": {"type": "object"},  # described by the API server
            "spec": _structural(ModelDeploymentSpec, defaults=True),
            "status": {
                **_structural(ModelDeploymentStatus, defaults=False),
                "description": "What is going on. Only the operator writes it.",
                "default": UNSEEN,
            },
        },
        "x-kubernetes-validations": [
            {
                "rule": f"self.metadata.name.size() <= {names.MAX_NAME_LENGTH}",
                "message": f"the name must be at most {names.MAX_NAME_LENGTH} characters long:"
                " the revision's hash is appended to it",
            },
            {
                "rule": "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "message": "the name must be a DNS label that begins with a letter: it names"
                " a Service",
            },
        ],
    }


def _structural(model: type[BaseModel], *, defaults: bool) -> dict[str, Any]:
    """Turn pydantic's JSON schema into a structural schema: no $ref, no anyOf with null."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    converted: dict[str, Any] = _convert(schema, definitions)
    _annotate(converted, model, defaults=defaults)
    return converted


def _annotate(schema: dict[str, Any], model: type[BaseModel], *, defaults: bool) -> None:
    """Add what pydantic's schema has no place for: CEL rules, and defaults made by factories.

    Without `defaults` (status) all are removed: only the operator writes there, and what it writes
    must come back unchanged.
    """
    rules = getattr(model, "rules", ())
    if rules:
        schema["x-kubernetes-validations"] = list(rules)
    for name, field in model.model_fields.items():
        inner = schema["properties"][field.alias or name]
        if not defaults:
            inner.pop("default", None)
        elif field.default_factory is not None:
            if type(None) in getattr(field.annotation, "__args__", ()):
                inner["nullable"] = True  # or the API server would put the default for a null
            value = field.get_default(call_default_factory=True, validated_data={})
            # Whole values, though {} would be filled in too: the API server checks rules against
            # a default as it is written.
            if isinstance(value, BaseModel):
                inner["default"] = value.model_dump(by_alias=True, exclude_none=True)
            elif value:
                inner["default"] = [item.model_dump(by_alias=True) for item in value]
        nested = _model_of(field.annotation)
        if nested is not None:
            values = inner.get("additionalProperties")
            schema_of_it = values if isinstance(values, dict) else inner.get("items", inner)
            _annotate(schema_of_it, nested, defaults=defaults)


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model in `M`, `M | None`, `list[M]`, or None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_of(argument)
        if found is not None:
            return found
    return None


def _convert(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_convert(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        return _convert({**target, **{k: v for k, v in node.items() if k != "$ref"}}, definitions)
    if "anyOf" in node:
        return _convert_any_of(node, definitions)
    return _convert_plain(node, definitions)


def _convert_any_of(node: dict[str, Any], definitions: dict[str, Any]) -> Any:
    options = [option for option in node["anyOf"] if option.get("type") != "null"]
    rest = {k: v for k, v in node.items() if k != "anyOf" and not (k == "default" and v is None)}
    if {option.get("type") for option in options} == {"integer", "string"}:
        return {"x-kubernetes-int-or-string": True, "maxLength": MAX_QUANTITY_LENGTH}
    (only,) = options
    return _convert({**only, **rest}, definitions)


def _convert_plain(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: _convert(inner, definitions) for name, inner in value.items()}
        elif key == "additionalProperties" and isinstance(value, dict):
            out[key] = _convert(value, definitions)
        elif key == "additionalProperties" and value is True:
            out["x-kubernetes-preserve-unknown-fields"] = True
        elif key in _CONSTRAINT_NAMES:
            name, exclusive = _CONSTRAINT_NAMES[key]
            out[name] = value
            out[key] = exclusive
        elif key == "const":
            out["enum"] = [value]
        elif key == "default" and value is None:
            continue
        elif key not in _DROPPED:
            out[key] = _convert(value, definitions) if key == "items" else value
    return out
