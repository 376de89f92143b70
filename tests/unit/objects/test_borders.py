"""A ModelDeployment reaches nothing outside its namespace, and no node but where it is allowed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from transit_operator.api.crd import crd

Object = dict[str, Any]
MADE = sorted((Path(__file__).parents[1] / "golden" / "output").glob("*.yaml"))
# A Gateway elsewhere lets routes in by allowedRoutes, a Service elsewhere by a ReferenceGrant.
GUARDED_BY_GATEWAY_API = {
    "spec.traffic.gateway.parentRefs[].namespace",
    "spec.traffic.gateway.filters[].requestMirror.backendRef.namespace",
}


def objects(file: Path) -> list[Object]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one and "kind" in one]


def values(value: Any, key: str) -> Iterator[Any]:
    """Every value under a key, anywhere inside."""
    if isinstance(value, dict):
        yield from (one for name, one in value.items() if name == key)
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from values(one, key)


@pytest.mark.parametrize("file", MADE, ids=lambda file: file.stem)
def test_all_that_is_made_is_in_its_namespace_and_names_no_other(file: Path) -> None:
    made = objects(file)
    assert made
    for one in made:
        gateways = [str(parent) for parent in values(one, "parentRefs")]
        assert one["metadata"]["namespace"] == "ml"
        assert one["metadata"]["ownerReferences"][0]["kind"] == "ModelDeployment"
        elsewhere = [found for found in values(one, "namespace") if found != "ml"]
        assert all(any(f"'{found}'" in text for text in gateways) for found in elsewhere)


def fields(schema: Object, path: str) -> Iterator[str]:
    for name, one in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from fields(one, f"{path}.{name}")
        yield from fields(one.get("items", {}), f"{path}.{name}[]")


def test_a_spec_can_name_nothing_in_another_namespace_but_what_gateway_api_guards() -> None:
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = schema["properties"]["spec"]
    named = {path for path in fields(spec, "spec") if path.lower().endswith("namespace")}
    assert named == GUARDED_BY_GATEWAY_API
