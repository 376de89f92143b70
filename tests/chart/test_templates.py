"""What the chart makes as a whole: rights, names, the CRD, two releases, a fresh cluster."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev.cluster.paths import REPOSITORY

from .helm import (
    ALL_ON,
    CHART,
    Object,
    config,
    container,
    found,
    joined,
    kinds,
    pod,
    render,
    run,
    text,
)

CRD = REPOSITORY / "crds" / "modeldeployments.transit.dev.yaml"
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def test_lint() -> None:
    run("lint", "--strict", CHART)


@pytest.mark.parametrize("values", [{}, ALL_ON], ids=["default", "all on"])
def test_every_object_says_whose_it_is(values: Object) -> None:
    for one in render(values):
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "transit"
        if one["kind"] not in CLUSTER_WIDE:
            assert one["metadata"]["namespace"]


def test_labels_of_the_values_change_no_selector() -> None:
    given = {"app.kubernetes.io/name": "mine", "app.kubernetes.io/instance": "mine"}
    objects = render({"commonLabels": given, "podLabels": given})
    selector = found(objects, "Deployment")["spec"]["selector"]["matchLabels"]
    assert selector == {
        "app.kubernetes.io/name": "transit-operator",
        "app.kubernetes.io/instance": "transit",
    }
    assert selector.items() <= pod(objects)["metadata"]["labels"].items()
    for one in objects:
        assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "transit"


def test_the_crd_is_the_generated_one_and_stays() -> None:
    made = found(render(), "CustomResourceDefinition")
    annotations = made.pop("metadata")["annotations"]
    assert annotations == {"helm.sh/resource-policy": "keep"}
    generated = yaml.safe_load(CRD.read_text())
    del generated["metadata"]
    assert made == generated


def test_by_default_it_has_the_rights_of_a_cluster_and_no_more_than_it_needs() -> None:
    objects = render()
    rules = found(objects, "ClusterRole", "transit-system:transit-operator")["rules"]
    assert rules[:-1] == named_rules(), "as in a namespace, and it follows which kinds there are"
    assert rules[-1]["resources"] == ["customresourcedefinitions"]
    reads = [r["resources"] for r in rules if {"get", "list", "watch"} & set(r["verbs"])]
    assert "secrets" not in str(reads)
    assert [o["metadata"]["name"] for o in objects if o["kind"] == "Role"] == ["transit-operator"]


def named_rules() -> list[dict[str, Any]]:
    objects = render({"config": {"namespaces": ["ml"]}})
    rules: list[dict[str, Any]] = found(objects, "Role", "transit-system:transit-operator")["rules"]
    return rules


def test_with_named_namespaces_it_has_rights_in_those_only() -> None:
    values = {
        "config": {"namespaces": ["ml", "vision", "ml"]},
        "crds": {"enabled": False},
        "rbac": {"aggregateClusterRoles": False},
    }
    objects = render(values)
    assert not [o for o in objects if o["kind"] in CLUSTER_WIDE]
    assert [k for k in kinds(objects) if k.startswith("Role")] == [
        "Role ml/transit-system:transit-operator",
        "Role transit-system/transit-operator",
        "Role vision/transit-system:transit-operator",
        "RoleBinding ml/transit-system:transit-operator",
        "RoleBinding transit-system/transit-operator",
        "RoleBinding vision/transit-system:transit-operator",
    ]
    for one in objects:
        if one["kind"] == "RoleBinding":
            (subject,) = one["subjects"]
            assert subject["namespace"] == "transit-system"


def test_users_of_a_namespace_have_what_their_role_says() -> None:
    objects = render()
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    given = {
        name: {
            label.removeprefix(prefix)
            for label in found(objects, "ClusterRole", name)["metadata"]["labels"]
            if label.startswith(prefix)
        }
        for name in ("transit-system:transit-view", "transit-system:transit-edit")
    }
    assert given == {
        "transit-system:transit-view": {"view", "edit", "admin", "cluster-reader"},
        "transit-system:transit-edit": {"edit", "admin"},
    }
    edit = found(objects, "ClusterRole", "transit-system:transit-edit")["rules"]
    assert [rule["resources"] for rule in edit] == [["modeldeployments"]], "no status"


@pytest.mark.parametrize(
    ("release", "namespace"), [("other", "transit-system"), ("transit", "other")]
)
def test_two_releases_do_not_meet(release: str, namespace: str) -> None:
    one = render(ALL_ON)
    other = render({**ALL_ON, "crds": {"enabled": False}}, release=release, namespace=namespace)
    assert not set(kinds(one)) & set(kinds(other))
    leases = [arg for o in (one, other) for arg in operator_arguments(o) if "--lease" in arg]
    assert leases == [
        "--lease=transit-system/transit-operator",
        f"--lease={namespace}/{release}-operator",
    ]


def operator_arguments(objects: list[Object]) -> list[str]:
    found: list[str] = pod(objects)["spec"]["containers"][0]["args"]
    return found


def test_servers_schedule_on_a_cluster_without_labels() -> None:
    for pool in config(render())["pools"].values():
        assert "nodeSelector" not in pool


def test_a_changed_configuration_replaces_the_pods_and_another_chart_does_not() -> None:
    def annotations(**values: Any) -> dict[str, Any]:
        found: dict[str, Any] = pod(render(values))["metadata"]
        return found

    before = annotations()
    assert annotations(config={"workers": 9}) != before
    assert annotations(prometheusRule={"enabled": True}) == before
    assert not [key for key in before["labels"] if "chart" in key]


def test_a_single_operator_has_no_disruption_budget() -> None:
    """It would keep a node from being drained for ever."""
    assert "PodDisruptionBudget" in str(kinds(render()))
    assert "PodDisruptionBudget" not in str(kinds(render({"replicas": 1})))


def test_the_tests_pod_is_none_of_the_operators() -> None:
    """Or a budget would count it and Prometheus scrape it; a NetworkPolicy lets it out as them."""
    objects = render(ALL_ON)
    test = found(objects, "Pod")["metadata"]["labels"]
    selector = found(objects, "Deployment", "transit-operator")["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= test.items()
    policy = found(objects, "NetworkPolicy", "transit-operator")["spec"]["podSelector"]
    (names,) = policy["matchExpressions"]
    assert {test["app.kubernetes.io/name"], selector["app.kubernetes.io/name"]} == set(
        names["values"]
    )
    assert policy["matchLabels"].items() <= test.items()


def test_the_tests_pod_has_what_the_operator_asks_prometheus_with() -> None:
    """Or it fails on every cluster whose Prometheus requires authentication."""
    objects = render({"config": {"prometheus": {"secretName": "access"}}})
    test = found(objects, "Pod")["spec"]
    operator = pod(objects)["spec"]
    secret = {"name": "prometheus", "secret": {"secretName": "access"}}
    assert secret in operator["volumes"]
    assert secret in test["volumes"]
    (mount,) = [m for m in container(objects)["volumeMounts"] if m["name"] == "prometheus"]
    assert mount in test["containers"][0]["volumeMounts"]
    assert "prometheus" not in str(found(render(), "Pod")["spec"]["volumes"])


def test_where_the_cluster_chooses_the_user_no_pod_names_one() -> None:
    """As on OpenShift; what the values then say is what `docs/guides/operations.md` says."""
    nobody = {"podSecurityContext": {"runAsUser": None, "runAsGroup": None}}
    objects = render(joined(ALL_ON, nobody))
    specs = [pod(objects)["spec"], pod(objects, "dashboard")["spec"], found(objects, "Pod")["spec"]]
    for spec in specs:
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert "runAsUser" not in str(spec["containers"])
        assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in spec["containers"])


def test_the_tests_pod_ends_in_a_mesh_and_goes_where_the_operator_goes() -> None:
    """A sidecar that is injected would run on when the test is over, and `helm test` wait."""
    where: dict[str, Any] = {
        "priorityClassName": "high",
        "affinity": {"nodeAffinity": {}},
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"operator": "Exists"}],
        "imagePullSecrets": [{"name": "pull"}],
    }
    test = found(render({**where, "commonLabels": {"sidecar.istio.io/inject": "true"}}), "Pod")
    assert {key: test["spec"].get(key) for key in where} == where
    assert test["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert test["metadata"]["annotations"]["linkerd.io/inject"] == "disabled"


def test_labels_of_the_values_are_text_however_they_look() -> None:
    assert 'grafana_dashboard: "1"' in text({"dashboards": {"enabled": True}})


def texts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every place inside that has a name, a label or another text for Kubernetes."""
    if isinstance(value, dict | list):
        keyed = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in keyed:
            yield from texts(one, f"{path}.{key}")
    elif re.search(r"\.(\w*[nN]ame(space)?|image|[lL]abels\..*|args\.\d+)$", path):
        yield path, value


@pytest.mark.parametrize("name", ["123", "on", "null", "1e3", "0x1f"])
def test_names_are_text_however_they_look(name: str) -> None:
    """YAML would take them for numbers and the like, and Kubernetes then refuses them."""
    secrets = {part: {"secretName": name} for part in ("prometheus", "registry", "notifications")}
    given = joined(
        ALL_ON,
        {
            "config": {"namespaces": [name, "ml"], **secrets},
            "networkPolicy": {"servers": {"namespaces": [name]}},
            "serviceAccount": {"name": name},
            "priorityClassName": name,
            "dashboard": {"priorityClassName": name},
            "dashboards": {"namespace": name},
        },
    )
    for one in render(given, release=name, namespace=name):
        if one["kind"] != "CustomResourceDefinition":
            assert [(path, found) for path, found in texts(one) if not isinstance(found, str)] == []
