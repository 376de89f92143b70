"""The two forms of an autoscaler: what each is made of, and that there is never more than one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cluster import Cluster
from transit_operator.adapters.kubernetes import Refused
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.spec import Autoscaling
from transit_operator.core.objects.build import Object, Owner
from transit_operator.core.objects.scaling.autoscaler import autoscaler
from transit_operator.core.objects.scaling.scaled_object import in_flight, scaled_object
from transit_operator.runtime.observing.ownership import ours

OWNER = Owner("ml", "kepler", "uid-1")
KEDA = OperatorConfig.model_validate({"keda": {"enabled": True}})
SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")

RESOURCE: Object = {
    "apiVersion": "transit.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "kepler", "namespace": "ml", "uid": "uid-1"},
}
SPEC: Object = {
    "models": [{"name": "forest", "version": "1.0.0"}],
    "storage": {"uri": "s3://models"},
}
BOUNDS = {"min": 2, "max": 6}
FORMS: dict[str, tuple[Object, str | None]] = {
    "fixed": ({"replicas": 3}, None),
    "by CPU": ({"autoscaling": BOUNDS}, "HorizontalPodAutoscaler"),
    "in flight": ({"autoscaling": BOUNDS | {"targetConcurrency": 4}}, "HorizontalPodAutoscaler"),
    "KEDA by CPU": ({"autoscaling": BOUNDS | {"class": "KEDA"}}, "ScaledObject"),
    "KEDA": (
        {"autoscaling": BOUNDS | {"class": "KEDA", "targetConcurrency": 4}},
        "ScaledObject",
    ),
}


@pytest.mark.parametrize(
    ("targets", "cpu", "in_flight"),
    [
        pytest.param({}, 70, None, id="nothing said"),
        pytest.param({"targetCPU": 60}, 60, None, id="by CPU"),
        pytest.param({"targetConcurrency": 4}, None, 4, id="in flight"),
        pytest.param({"targetCPU": 60, "targetConcurrency": 4}, 60, 4, id="by both"),
    ],
)
def test_both_forms_go_by_the_same(
    targets: dict[str, int], cpu: int | None, in_flight: int | None
) -> None:
    wanted = Autoscaling.model_validate(BOUNDS | targets)
    metrics = autoscaler(OWNER, "r1", wanted, 2, 6)["spec"]["metrics"]
    triggers = scaled_object(OWNER, "r1", wanted, (2, 6), KEDA)["spec"]["triggers"]
    by_metric = {metric["type"]: metric for metric in metrics}
    by_trigger = {trigger["type"]: trigger["metadata"] for trigger in triggers}
    assert ("Resource" in by_metric) == ("cpu" in by_trigger) == (cpu is not None)
    assert ("Pods" in by_metric) == ("prometheus" in by_trigger) == (in_flight is not None)
    if cpu is not None:
        assert by_metric["Resource"]["resource"]["target"]["averageUtilization"] == cpu
        assert by_trigger["cpu"] == {"value": str(cpu)}
    if in_flight is not None:
        assert by_metric["Pods"]["pods"]["target"]["averageValue"] == str(in_flight)
        assert by_trigger["prometheus"]["threshold"] == str(in_flight)


ACCESS: dict[str, tuple[Object, Object]] = {
    "nothing": ({}, {}),
    "a prefix": ({"url": "http://p/prometheus/"}, {"serverAddress": "http://p/prometheus"}),
    "headers": ({"headers": {"A": "1", "B": "2"}}, {"customHeaders": "A=1,B=2"}),
    "a password": (
        {"basicAuth": {"username": "u", "passwordFile": "p"}},
        {"authModes": "basic"},
    ),
    "a token and a certificate": (
        {"bearerTokenFile": "t", "tls": {"certFile": "c", "keyFile": "k"}},
        {"authModes": "bearer,tls"},
    ),
    "a secret header": ({"headerFiles": {"X-Key": "key"}}, {"authModes": "custom"}),
}


@pytest.mark.parametrize("case", ACCESS)
def test_keda_is_told_how_prometheus_is_asked_and_no_secret(case: str) -> None:
    prometheus, expected = ACCESS[case]
    config = OperatorConfig.model_validate(
        {"prometheus": prometheus, "keda": {"enabled": True, "authentication": "access"}}
    )
    wanted = Autoscaling.model_validate(BOUNDS | {"targetConcurrency": 4})
    (trigger,) = scaled_object(OWNER, "r1", wanted, (2, 6), config)["spec"]["triggers"]
    said = trigger["metadata"]
    always = {"query", "threshold", "ignoreNullValues", "serverAddress"}
    assert set(said) == always | set(expected)
    assert expected.items() <= said.items()
    reference = {"name": "access", "kind": "ClusterTriggerAuthentication"}
    assert trigger["authenticationRef"] == reference


def test_a_pod_elsewhere_has_no_say_in_how_many_there_are() -> None:
    assert 'kubernetes_namespace="ml"' in in_flight(OWNER, "r1", "kubernetes_namespace")
    assert "namespace=" not in in_flight(OWNER, "r1", "")


def scalers(cluster: Cluster) -> list[str]:
    return [kind for kind, _ in cluster.api.objects if kind in SCALERS]


@given(forms=st.lists(st.sampled_from(sorted(FORMS)), min_size=1, max_size=4))
def test_a_switch_leaves_nothing_behind_and_takes_no_pod(forms: list[str]) -> None:
    cluster = Cluster(RESOURCE, KEDA)
    for form in forms:
        fields, scaler = FORMS[form]
        cluster.apply(SPEC | fields)
        cluster.run(until={"phase": "Stable"})
        assert scalers(cluster) == ([scaler] if scaler else [])
        (deployment,) = (o for (k, _), o in cluster.api.objects.items() if k == "Deployment")
        pods = deployment["spec"]["replicas"]
        assert pods == fields.get("replicas", pods)
        assert pods >= BOUNDS["min"]


@pytest.mark.parametrize("form", ["by CPU", "KEDA"])
def test_each_revision_has_its_own_and_it_goes_with_it(form: str) -> None:
    cluster = Cluster(RESOURCE, KEDA)
    fields, scaler = FORMS[form]
    steps = {"rollout": {"steps": [{"weight": 50, "hold": "10m"}, {"weight": 100, "hold": "10m"}]}}
    cluster.apply(SPEC | fields | steps)
    cluster.run(until={"phase": "Stable"})
    cluster.apply(SPEC | fields | steps | {"models": [{"name": "forest", "version": "1.1.0"}]})
    cluster.run(until={"step": "1/2"})
    assert scalers(cluster) == [scaler, scaler]
    cluster.run(until={"phase": "Stable"})
    assert scalers(cluster) == [scaler]


def test_without_keda_in_the_configuration_it_is_refused_and_what_scaled_stays() -> None:
    cluster = Cluster(RESOURCE, OperatorConfig())
    cluster.apply(SPEC | FORMS["by CPU"][0])
    cluster.run(until={"phase": "Stable"})
    cluster.apply(SPEC | FORMS["KEDA"][0])
    with pytest.raises(Refused, match=r"ask for keda\.enabled"):
        cluster.run(until={"phase": "Stable"})
    assert scalers(cluster) == ["HorizontalPodAutoscaler"]


def test_the_autoscaler_that_keda_makes_is_none_of_ours() -> None:
    """It carries the labels of its ScaledObject, ours among them."""
    wanted = Autoscaling.model_validate(BOUNDS | {"class": "KEDA"})
    made = scaled_object(OWNER, "r1", wanted, (2, 6), KEDA)
    owner = {"kind": "ScaledObject", "name": made["metadata"]["name"], "uid": "of-keda"}
    theirs: dict[str, Any] = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": made["metadata"] | {"name": "keda-hpa-kepler-r1", "ownerReferences": [owner]},
    }
    live = {("ScaledObject", "kepler-r1"): made, (theirs["kind"], "keda-hpa-kepler-r1"): theirs}
    assert set(ours(OWNER, live)) == {("ScaledObject", "kepler-r1")}
