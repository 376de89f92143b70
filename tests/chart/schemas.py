"""Kubernetes' own schemas, and those of CRDs, in the form that kubeconform reads.

The API is published as OpenAPI, which is JSON Schema but for some keywords of its own. Objects are
closed here, as `kubectl apply --validate=strict` has them: a field that nobody knows is an error.
Neighbour: `dev.cluster.programs.gosources` has the sources, of the versions that the cluster has.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev.cluster import paths
from dev.cluster.programs import gosources

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-04/schema#"  # OpenAPI's `exclusiveMinimum: true` is of that
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
# group of a custom resource → where its CRD is, one file each, named GROUP_PLURAL.yaml
CRDS = {
    "monitoring.coreos.com": gosources.prometheus_operator_crds,
    "gateway.networking.k8s.io": gosources.gateway_api_crds,
    "keda.sh": gosources.keda_crds,
}
OWN = paths.REPOSITORY / "crds" / "modeldeployments.transit.dev.yaml"


class NoSchema(Exception):
    """Nobody here knows this kind."""


def write(folder: Path, api_version: str, kind: str) -> None:
    """Write the schema of a kind where `location` looks for it. Raises: NoSchema."""
    group, _, version = api_version.rpartition("/")
    target = folder / f"{group or version}_{version}_{kind.lower()}.json"
    target.write_text(json.dumps(_of(group, version, kind)))


def location(folder: Path) -> str:
    """Return where kubeconform finds the files that `write` makes; it calls the core group v1."""
    return f"{folder}/{{{{.Group}}}}_{{{{.ResourceAPIVersion}}}}_{{{{.ResourceKind}}}}.json"


def _of(group: str, version: str, kind: str) -> Schema:
    if group in CRDS:
        return _of_crd(CRDS[group]() / f"{group}_{kind.lower()}s.yaml", version)
    if group == "transit.dev":
        return _of_crd(OWN, version)
    definitions = _kubernetes()
    wanted = {"group": group, "version": version, "kind": kind}
    for name, one in definitions.items():
        if one.get("x-kubernetes-group-version-kind") == [wanted]:
            parts = {part: _closed(definitions[part]) for part in _reached(name, definitions)}
            return {"$schema": DRAFT, "$ref": f"#/definitions/{name}", "definitions": parts}
    raise NoSchema(f"{group}/{version} {kind}")


def _of_crd(file: Path, version: str) -> Schema:
    if not file.exists():
        raise NoSchema(file.name)
    versions = yaml.load(file.read_text(), yaml.CSafeLoader)["spec"]["versions"]
    (schema,) = [v["schema"]["openAPIV3Schema"] for v in versions if v["name"] == version]
    identity = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    known = {**identity, "metadata": {"type": "object"}, **schema["properties"]}
    return {"$schema": DRAFT, **_closed({**schema, "properties": known})}


@cache
def _kubernetes() -> Schema:
    found: Schema = json.loads(gosources.kubernetes_openapi().read_text())["definitions"]
    found[QUANTITY] = {"type": ["string", "number"]}  # published as a text; 1 is taken as "1"
    return found


def _reached(name: str, definitions: Schema) -> set[str]:
    """Return a definition and all that it refers to."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += _references(definitions[one])
    return seen


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for inner in schema.values():
            yield from _references(inner)


def _closed(schema: Mapping[str, Any]) -> Schema:
    """Return JSON Schema of one of OpenAPI, in which objects have the properties that are named."""
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {k: _closed(v) for k, v in found["properties"].items()}
        if not found.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _closed(found[key])
    if found.pop("nullable", False):
        return {"anyOf": [found, {"type": "null"}]}
    return found
