"""The live page in the cluster: what its pod may do, whom it answers, and what is only its own."""

from typing import Any

import pytest

from .helm import ALL_ON, Object, container, found, joined, kinds, pod, render

ON: Object = {"dashboard": {"enabled": True}}
NAMED: Object = joined(ON, {"config": {"namespaces": ["ml", "vision", "ml"]}})
OFF: Object = {"dashboard": {"enabled": True, "signIn": "Off"}}
READING = [
    {"apiGroups": ["transit.dev"], "resources": ["modeldeployments"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
    {"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": ["get"]},
]
REVIEWS = {
    "apiGroups": ["authentication.k8s.io"],
    "resources": ["tokenreviews"],
    "verbs": ["create"],
}


def rights(values: Object) -> dict[str, list[Any]]:
    """Every role that the page's own account is bound to, as `Kind namespace`, with its rules."""
    objects = render(values)
    account = {"kind": "ServiceAccount", "name": "transit-dashboard", "namespace": "transit-system"}
    bindings = [o for o in objects if account in o.get("subjects", [])]
    return {
        f"{b['roleRef']['kind']} {b['metadata'].get('namespace', '')}".strip(): next(
            o["rules"]
            for o in objects
            if (o["kind"], o["metadata"]["name"]) == (b["roleRef"]["kind"], b["roleRef"]["name"])
        )
        for b in bindings
    }


def test_without_it_nothing_is_made() -> None:
    assert not [kind for kind in kinds(render()) if "-dashboard" in kind]


def test_its_account_reads_four_kinds_and_has_tokens_reviewed() -> None:
    assert rights(ON) == {"ClusterRole": [*READING, REVIEWS]}


def test_with_named_namespaces_it_reads_in_those_only() -> None:
    assert rights(NAMED) == {
        "ClusterRole": [REVIEWS],
        "Role ml": READING,
        "Role vision": READING,
    }
    assert [a for a in container(render(NAMED), "dashboard")["args"] if "--namespace=" in a] == [
        "--namespace=ml",
        "--namespace=vision",
    ]


def test_where_nobody_signs_in_nothing_is_reviewed() -> None:
    assert rights(OFF) == {"ClusterRole": READING}
    assert set(rights(joined(NAMED, OFF))) == {"Role ml", "Role vision"}


@pytest.mark.parametrize("values", [ON, ALL_ON], ids=["on", "all on"])
def test_its_pod_is_restricted_and_shares_nothing_with_the_operators(values: Object) -> None:
    objects = render(values)
    spec = pod(objects, "dashboard")["spec"]
    assert spec["serviceAccountName"] == "transit-dashboard"
    assert spec["securityContext"]["runAsNonRoot"]
    assert container(objects, "dashboard")["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    labels = pod(objects, "dashboard")["metadata"]["labels"]
    operators = found(objects, "Deployment", "transit-operator")["spec"]["selector"]["matchLabels"]
    assert not operators.items() <= labels.items()
    assert found(objects, "Service")["spec"]["selector"].items() <= labels.items()


def test_it_answers_to_the_names_of_its_service() -> None:
    arguments = container(render(ON), "dashboard")["args"]
    assert [one for one in arguments if "--host=" in one] == [
        "--host=transit-dashboard",
        "--host=transit-dashboard.transit-system",
        "--host=transit-dashboard.transit-system.svc",
        "--host=transit-dashboard.transit-system.svc.cluster.local",
    ]


def test_its_network_policy_is_of_its_own_pods() -> None:
    objects = render(ALL_ON)
    spec = found(objects, "NetworkPolicy", "transit-dashboard")["spec"]
    labels = pod(objects, "dashboard")["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    operators = found(objects, "NetworkPolicy", "transit-operator")["spec"]
    assert spec["egress"] == operators["egress"]
