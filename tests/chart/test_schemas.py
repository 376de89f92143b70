"""What the chart makes, what deploy/ has, and the operator for KEDA, against the kinds' schemas.

Kubernetes' own OpenAPI and the CRDs of the Prometheus Operator and of KEDA, by kubeconform.
`test_values` looks at what a value does; here it is enough that nothing is made that an API server
would refuse.
"""

from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.paths import REPOSITORY
from tests.unit.golden.render import output

from .conforming import complaints
from .helm import ALL_ON, Object, joined, nested, render
from .tried import TRIED

OFF = {name: tried.value for name, tried in TRIED.items() if tried.value is False}
SAID = {name: tried.value for name, tried in TRIED.items() if name not in OFF}


def together(values: dict[str, Any]) -> Object:
    """Values by their dotted names as one."""
    return reduce(joined, (nested(name, value) for name, value in values.items()), {})


COMBINATIONS: dict[str, Object] = {
    "default": {},
    "all on": ALL_ON,
    "all that is tried": joined(ALL_ON, together(SAID)),
    "all off": together(OFF),
    "named namespaces, no CRD": {
        "config": {"namespaces": ["ml", "vision"]},
        "crds": {"enabled": False},
    },
}
MANIFESTS = sorted(
    file
    for file in (REPOSITORY / "deploy").rglob("*.yaml")
    if "resource_customizations" not in file.parts  # fixtures of Lua, statuses among them
)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_what_the_chart_makes_is_what_the_kinds_have(name: str, tmp_path: Path) -> None:
    assert complaints(render(COMBINATIONS[name]), tmp_path) == []


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_so_is_what_is_applied_beside_the_chart(file: Path, tmp_path: Path) -> None:
    assert complaints(yaml.safe_load_all(file.read_text()), tmp_path) == []


def made_for_keda() -> list[Object]:
    """What a golden pair has of KEDA's: the cluster of the tests does not know the kind."""
    objects = yaml.safe_load_all(output("autoscaling_by_keda").read_text())
    return [one for one in objects if one["apiVersion"].startswith("keda.sh/")]


def test_a_scaled_object_is_what_keda_has(tmp_path: Path) -> None:
    (made,) = made_for_keda()
    assert complaints([made], tmp_path) == []
    (said,) = complaints([joined(made, nested("spec.minReplicas", 1))], tmp_path)
    assert "minReplicas" in said


def changed(kind: str, route: str, value: Any) -> Object:
    """An object that the chart makes, with one field changed."""
    (one, *_) = [o for o in render(ALL_ON) if o["kind"] == kind]
    return joined(one, nested(route, value))


WRONG = {
    "a field that nobody knows": ("Deployment", "spec.replica", 2),
    "another type": ("Deployment", "spec.replicas", "two"),
    "deep within": ("Deployment", "spec.template.spec.containers", [{"name": "c", "imag": "i"}]),
    "in a custom resource": ("PodMonitor", "spec.podMetricsEndpoint", []),
    "another enumeration": ("PodMonitor", "spec.podMetricsEndpoints", [{"scheme": "gopher"}]),
    "no such version": ("NetworkPolicy", "apiVersion", "networking.k8s.io/v1beta2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_schemas_are_strict(case: str, tmp_path: Path) -> None:
    """Or an error of the conversion would look like a chart without errors."""
    kind, route, value = WRONG[case]
    (said,) = complaints([changed(kind, route, value)], tmp_path)[-1:]
    assert kind in said
