"""The CustomResourceDefinition that is generated from the typed resource."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from transit_operator.api.crd import crd
from transit_operator.api.status import read_status
from transit_operator.core.state import Empty, from_status

FILE = Path(__file__).parents[3] / "crds" / "modeldeployments.transit.dev.yaml"
VERSION = crd()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
SPEC = SCHEMA["properties"]["spec"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[{key}]")


NODES = dict(nodes(SCHEMA))


def test_the_file_in_the_repository_is_up_to_date() -> None:
    assert yaml.safe_load(FILE.read_text()) == crd(), "run `make crds`"


def test_names() -> None:
    definition = crd()
    assert definition["metadata"]["name"] == "modeldeployments.transit.dev"
    assert definition["spec"]["group"] == "transit.dev"
    assert definition["spec"]["scope"] == "Namespaced"
    assert definition["spec"]["names"]["kind"] == "ModelDeployment"
    assert definition["spec"]["names"]["shortNames"] == ["mdep"]
    assert VERSION["name"] == "v1alpha1"
    assert VERSION["served"]
    assert VERSION["storage"]
    assert VERSION["subresources"] == {"status": {}}


def test_columns() -> None:
    columns = {c["name"].upper(): c for c in VERSION["additionalPrinterColumns"]}
    shown = [name for name, column in columns.items() if not column["priority"]]
    wide = [name for name, column in columns.items() if column["priority"]]
    assert shown == ["PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "AGE"]
    assert wide == ["STABLE-REVISION", "CANDIDATE-REVISION", "MESSAGE"]
    for column in columns.values():
        path = column["jsonPath"]
        assert path.startswith(".metadata.") or path in NODES, f"{path} is no field"


def test_what_nobody_has_seen_yet_is_not_taken_for_done() -> None:
    assert SCHEMA["properties"]["status"]["default"] == {"observedGeneration": -1}
    assert from_status(read_status({"observedGeneration": -1}), 0.0).state == Empty()


@pytest.mark.parametrize(("path", "node"), NODES.items(), ids=[p or "root" for p in NODES])
def test_the_schema_is_structural(path: str, node: dict[str, Any]) -> None:
    not_structural = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "const", "title"}
    assert not not_structural & set(node)
    typed = "type" in node or node.get("x-kubernetes-int-or-string")
    assert typed or node.get("x-kubernetes-preserve-unknown-fields")
    assert node.get("type") != "array" or "items" in node
    both = "properties" in node and "additionalProperties" in node
    assert not both, "a structural schema has one of the two"


@pytest.mark.parametrize(
    ("path", "node"),
    [(p, n) for p, n in NODES.items() if "x-kubernetes-validations" in n],
    ids=[p or "root" for p, n in NODES.items() if "x-kubernetes-validations" in n],
)
def test_every_rule_has_a_message_for_people(path: str, node: dict[str, Any]) -> None:
    for rule in node["x-kubernetes-validations"]:
        assert rule["rule"]
        assert rule["message"]


@pytest.mark.parametrize(
    "path",
    [".spec.models", ".spec.storage", ".spec.storage.uri", ".spec.models[items].name"],
)
def test_required_fields(path: str) -> None:
    parent, _, name = path.rpartition(".")
    assert name in NODES[parent]["required"]


@pytest.mark.parametrize(
    ("path", "default"),
    [
        (".spec.traffic.router", "replicas"),
        (".spec.rollout.progressDeadline", "10m"),
        (".spec.rollout.onFailure", "Rollback"),
        (".spec.rollout.analysis.interval", "15s"),
        (".spec.rollout.analysis.window", "5m"),
        (".spec.rollout.analysis.minSamples", 100),
        (".spec.rollout.analysis.errorRate.max", 0.05),
        (".spec.rollout.analysis.latency.maxRatio", 2.0),
        (".spec.rollout.analysis.drift.maxKL", 0.3),
        (".spec.rollout.analysis.health.consecutiveFailures", 3),
        (".spec.rollout.analysis.noData.policy", "Hold"),
        (".spec.rollout.analysis.noData.after", "30m"),
        (".spec.server.batching.maxSize", 32),
    ],
)
def test_defaults_of_the_contract(path: str, default: object) -> None:
    assert NODES[path]["default"] == default
    # Whoever leaves out an object above gets that object's default: it must say the same.
    parent, _, below = path.rpartition(".")
    while parent != ".spec":
        value: Any = NODES[parent]["default"]
        for name in below.split("."):
            value = value[name]
        assert value == default
        parent, _, name = parent.rpartition(".")
        below = f"{name}.{below}"


def test_default_steps_of_the_contract() -> None:
    steps = NODES[".spec.rollout.steps"]["default"]
    assert [(s["weight"], s["hold"]) for s in steps] == [(10, "30m"), (50, "30m"), (100, "24h")]
    assert not any(s["approval"] for s in steps)


def test_the_status_has_no_defaults_so_that_it_comes_back_as_it_was_written() -> None:
    assert not [p for p, n in NODES.items() if p.startswith(".status.") and "default" in n]


@pytest.mark.parametrize(
    ("path", "key"),
    [(".spec.models", "name"), (".spec.server.env", "name"), (".status.conditions", "type")],
)
def test_lists_that_several_may_write_are_maps(path: str, key: str) -> None:
    assert NODES[path]["x-kubernetes-list-type"] == "map"
    assert NODES[path]["x-kubernetes-list-map-keys"] == [key]


def test_lists_are_bounded_so_that_rules_over_them_are_cheap_enough() -> None:
    unbounded = [
        path
        for path, node in NODES.items()
        if path.startswith(".spec") and node.get("type") == "array" and "maxItems" not in node
    ]
    assert not unbounded


def test_the_schema_can_be_written_as_yaml_and_read_back() -> None:
    assert yaml.safe_load(yaml.safe_dump(crd())) == crd()


def test_every_field_is_explained_by_kubectl_explain() -> None:
    # Elements of lists and maps have no line of their own there: their field speaks for them.
    silent = [
        path
        for path, node in NODES.items()
        if path != ".metadata" and not path.endswith("]") and not node.get("description")
    ]
    assert not silent


def test_an_explanation_is_a_sentence() -> None:
    fields = {p: n["description"] for p, n in NODES.items() if "description" in n}
    unfinished = {p: text for p, text in fields.items() if not text.rstrip().endswith((".", "…"))}
    assert not unfinished
