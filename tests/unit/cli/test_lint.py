"""`transit lint`: the same refusals as the API server's, each with its line; and advice."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.resources import RIGHT, WRONG
from tests.support import model_deployment
from transit_cli.exits import Exit
from transit_cli.lint.advice import Known, advice, share_of
from transit_cli.lint.documents import Document, NotYaml, documents
from transit_cli.lint.gateways import refusals
from transit_cli.lint.lint import errors
from transit_cli.lint.quantity import is_quantity, quantity
from transit_cli.lint.schema import bundled, with_defaults
from transit_cli.main import run
from transit_operator.api.crd import crd

SCHEMA = bundled()


def document(**spec: Any) -> Document:
    (only,) = documents(model_deployment("kepler", "default", **spec))
    return only


def found(**spec: Any) -> list[str]:
    """Return what is said as the API server says it: of an unknown field the words come first."""
    return [
        f"{one.message} {one.path}"
        if one.message == "unknown field"
        else f"{one.path}: {one.message}"
        for one in errors(document(**spec), SCHEMA, "f")
    ]


def test_the_schema_is_the_generated_one() -> None:
    assert crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == SCHEMA


@pytest.mark.parametrize("case", WRONG)
def test_refuses_what_the_api_server_refuses(case: str) -> None:
    changes, said = WRONG[case]
    text = "\n".join(found(**changes))
    for words in said:
        assert words in text


@pytest.mark.parametrize("case", RIGHT)
def test_takes_what_the_api_server_takes(case: str) -> None:
    assert found(**RIGHT[case]) == []


def test_a_name_that_leaves_no_room_for_the_revision() -> None:
    (only,) = documents(model_deployment("m" * 53, "default"))
    assert "at most 52 characters" in errors(only, SCHEMA, "f")[0].message


def test_fills_in_the_defaults_of_the_contract() -> None:
    spec = with_defaults(document().value, SCHEMA)["spec"]
    assert [step["weight"] for step in spec["rollout"]["steps"]] == [10, 50, 100]
    assert spec["rollout"]["analysis"]["errorRate"] == {"max": 0.05}
    off = document(rollout={"analysis": {"drift": None}})
    assert with_defaults(off.value, SCHEMA)["spec"]["rollout"]["analysis"]["drift"] is None


TEXT = """\
# two documents, one of another kind
apiVersion: v1
kind: Namespace
metadata: {name: ml}
---
apiVersion: transit.dev/v1alpha1
kind: ModelDeployment
metadata: {name: kepler, namespace: ml}
spec:
  models:
    - {name: forest, version: 1.0.0}
  storage: {uri: "s3://models"}
  rollout:
    steps:
      - {weight: 50, hold: 30m}
      - weight: 10
        hold: soon
      - {weight: 100, hold: 24h}
"""


def test_each_finding_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kepler.yaml"
    file.write_text(TEXT)
    assert run(["lint", str(file), "-o", "json"]) == Exit.REFUSED
    said = json.loads(capsys.readouterr().out)
    assert [(one["line"], one["path"]) for one in said] == [
        (17, "spec.rollout.steps[1].hold"),
        (14, "spec.rollout.steps"),
    ]
    assert {one["level"] for one in said} == {"error"}


def test_a_list_is_looked_into() -> None:
    item = yaml.safe_load(TEXT.split("---")[1])
    text = yaml.safe_dump({"kind": "List", "items": [item, item]})
    assert len(list(documents(text))) == 2


def test_what_is_no_yaml_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotYaml):
        list(documents("{"))
    file = tmp_path / "broken.yaml"
    file.write_text("{")
    assert run(["lint", str(file)]) == Exit.REFUSED
    assert "is no YAML" in capsys.readouterr().err
    assert run(["lint", str(tmp_path / "none.yaml")]) == Exit.FAILED


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", "0.5"), ("1Gi", "1073741824"), ("1e3", "1000"), ("2", "2"), (".5k", "500")],
)
def test_quantities(text: str, value: str) -> None:
    assert quantity(text) == quantity(value)
    assert is_quantity(text)


@pytest.mark.parametrize("text", ["", "1 GB", "GB", "1KiB", 1, None])
def test_what_is_no_quantity(text: object) -> None:
    assert not is_quantity(text)


def advised(known: Known | None = None, **spec: Any) -> dict[str, str]:
    value = with_defaults(document(**spec).value, SCHEMA)["spec"]
    return {path[-1]: text for path, text in advice(value, known or Known())}  # type: ignore[misc]


GATEWAY = {
    "traffic": {
        "router": "gateway",
        "gateway": {"parentRefs": [{"name": "public"}], "hostnames": ["kepler.example.com"]},
    }
}


def analysis(**changes: Any) -> dict[str, Any]:
    return {**GATEWAY, "rollout": {"analysis": changes}}


def test_a_sound_spec_gets_no_advice() -> None:
    assert advised(Known(rate=50, error_rate=0.001, scrape_seconds=15), **GATEWAY) == {}


@pytest.mark.parametrize(
    ("known", "spec", "at", "words"),
    [
        (
            Known(rate=0.8),
            GATEWAY,
            "weight",
            "at 0.8 requests/s `minSamples: 100` in 5m is never reached at 10 %: about 24 come",
        ),
        (Known(rate=0.8), GATEWAY, "weight", "waits for ever. window: 20m50s, minSamples: 24"),
        (
            Known(error_rate=0.039),
            GATEWAY,
            "max",
            "the normal error rate of 3.9 % leaves no room below 5 %",
        ),
        (Known(error_rate=0.08), GATEWAY, "max", "8 % is above 5 %"),
        (Known(scrape_seconds=60), analysis(window="90s"), "window", "shorter than two scrapes"),
        (Known(), analysis(window="20s", interval="5s"), "window", "must hold two scrapes"),
        (Known(), analysis(latency={"quantile": 0.99}), "quantile", "p99 of 100 samples rests on"),
        (Known(), analysis(window="1h"), "hold", "hold 30m is shorter than the window 1h"),
        (
            Known(),
            analysis(custom=[{"name": "x", "query": "up", "max": 1}]),
            "query",
            "does not name {{candidate}}",
        ),
        (
            Known(),
            analysis(**dict.fromkeys(("errorRate", "latency", "drift", "invalid", "traffic"))),
            "analysis",
            "nothing but the pods' health",
        ),
        (Known(), {"replicas": 1}, "weight", "with 1 pod gives 50 % in place of 10 %"),
        (
            Known(),
            {"traffic": {"router": "gateway", "gateway": {"parentRefs": [{"name": "g"}]}}},
            "hostnames",
            "takes every host",
        ),
    ],
)
def test_advice(known: Known, spec: dict[str, Any], at: str, words: str) -> None:
    assert words in advised(known, **spec)[at]


@pytest.mark.parametrize(
    ("router", "replicas", "weight", "share"),
    [("gateway", 3, 10, 0.1), ("replicas", 3, 10, 0.25), ("replicas", 10, 10, 1 / 11)],
)
def test_the_share_that_a_step_really_gives(
    router: str, replicas: int, weight: int, share: float
) -> None:
    assert share_of({"replicas": replicas, "traffic": {"router": router}}, weight) == share


def listener(**changes: Any) -> dict[str, Any]:
    return {"name": "web", "port": 80, "protocol": "HTTP", **changes}


def allowing(which: str, **more: Any) -> dict[str, Any]:
    return {"allowedRoutes": {"namespaces": {"from": which, **more}}}


@pytest.mark.parametrize(
    ("listeners", "words"),
    [
        (None, "there is no Gateway default/public"),
        ([], "no such listener"),
        ([listener(protocol="TCP")], "no such listener"),
        ([listener(**allowing("All"))], ""),
        ([listener()], ""),
        ([listener(hostname="*.example.com")], ""),
        ([listener(hostname="*.other.com")], "takes *.other.com, and not kepler.example.com"),
        (
            [listener(**allowing("Selector", selector={"matchLabels": {"a": "b"}}))],
            "takes routes from the namespace",
        ),
        ([listener(**allowing("Selector", selector={"matchLabels": {"team": "ml"}}))], ""),
    ],
)
def test_whether_a_gateway_takes_it(listeners: list[dict[str, Any]] | None, words: str) -> None:
    there = None if listeners is None else {"spec": {"listeners": listeners}}
    said = refusals(GATEWAY, "default", {"team": "ml"}, {("default", "public"): there})
    assert words in (said[0][1] if said else "")
    assert bool(said) == bool(words)


def test_a_gateway_of_another_namespace_must_allow_it() -> None:
    parent = {"name": "public", "namespace": "infra"}
    spec = {"traffic": {"router": "gateway", "gateway": {"parentRefs": [parent]}}}
    there = {"spec": {"listeners": [listener()]}}
    ((number, why),) = refusals(spec, "ml", {}, {("infra", "public"): there})
    assert number == 0
    assert "takes routes from the namespace ml" in why


def test_a_version_of_the_api_that_there_is_not() -> None:
    for version, said in {
        "transit.dev/v1": 'no matches for kind "ModelDeployment" in version "transit.dev/v1"',
        None: "Required value: transit.dev/v1alpha1",
    }.items():
        value = {**yaml.safe_load(model_deployment("kepler", "default")), "apiVersion": version}
        (only,) = documents(json.dumps(value))
        assert said in errors(only, SCHEMA, "f")[0].message
    other = {"apiVersion": "other.example.com/v1", "kind": "ModelDeployment"}
    assert list(documents(json.dumps(other))) == []


@pytest.mark.parametrize("items", ["5", "{a: {kind: ModelDeployment}}", "text", "null"])
def test_a_list_whose_items_are_none(items: str) -> None:
    assert list(documents(f"kind: FooList\nitems: {items}\n")) == []


@pytest.mark.parametrize("metadata", ["x", "[]", "5", "null"])
def test_a_resource_of_odd_parts_is_refused_not_a_fault(metadata: str) -> None:
    (only,) = documents(f"kind: ModelDeployment\nmetadata: {metadata}\nspec: []\n")
    assert "spec" in {one.path for one in errors(only, SCHEMA, "f")}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (".nan", "nan is no number in JSON"),
        ("-.inf", "-inf is no number in JSON"),
        ("!!set {a}", "nothing that JSON has"),
        ("&a [*a]", "an anchor contains itself"),
    ],
)
def test_what_json_has_not_is_no_resource(value: str, said: str) -> None:
    with pytest.raises(NotYaml, match=said):
        list(documents(f"kind: ModelDeployment\nspec: {{podTemplate: {value}}}\n"))


def test_a_date_is_a_text_as_it_is_to_kubectl() -> None:
    (only,) = documents("kind: ModelDeployment\nspec: {server: {env: [{value: 2026-11-28}]}}\n")
    assert only.value["spec"]["server"]["env"][0]["value"] == "2026-11-28"
