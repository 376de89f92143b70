"""The chart against the real API server: every object it makes, and what `helm test` finds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dev.client.kube import Kube
from dev.demo.provision.install import CHART, NAMESPACE, RELEASE
from tests.chart.helm import ALL_ON, Object, joined, render
from transit_operator.runtime.installation import Level

# of the Prometheus Operator, which the cluster has not
OTHERS = Path(__file__).parent / "prometheus_operator"
PEERS = [
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    {"podSelector": {"matchLabels": {"a": "b"}}},
]
CLOSED: Object = {
    "networkPolicy": {
        "prometheus": PEERS,
        "apiServer": PEERS[1:2],
        "extraEgress": [{"to": PEERS, "ports": [{"protocol": "TCP", "port": 4318}]}],
        "servers": {"clients": PEERS, "store": PEERS, "extraEgress": [{"to": PEERS[:1]}]},
    }
}
PLACED: Object = {
    "image": {"digest": "sha256:" + "a" * 64},
    "imagePullSecrets": [{"name": "pull"}],
    "replicas": 3,
    "extraArgs": ["--log-level=debug"],
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    "commonLabels": {"team": "ml"},
    "annotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "podAnnotations": {"e": "f"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"a": "b"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "transit-operator"}},
        }
    ],
    "podDisruptionBudget": {"maxUnavailable": "50%"},
    "podSecurityContext": {"runAsUser": None, "runAsGroup": None},
    "serviceAccount": {"create": False, "name": "mine"},
    "rbac": {"create": False, "aggregateClusterRoles": False},
    "crds": {"keep": False},
}
VARIANTS: dict[str, Object] = {
    "default": {},
    "all on": ALL_ON,
    "closed": joined(ALL_ON, CLOSED),
    "all on, all namespaces": joined(ALL_ON, {"config": {"namespaces": []}}),
    "placed": PLACED,
    "one": {"replicas": 1, "crds": {"enabled": False}, "dashboards": {"enabled": True}},
}


def test_the_api_server_takes_every_object(kube: Kube, namespace: str) -> None:
    """Strictly: an unknown field or a wrong type anywhere is an error, of CRDs' kinds too."""
    kube("apply", "--server-side", "-f", OTHERS)
    try:
        kube("wait", "--for=condition=Established", "--timeout=30s", "-f", OTHERS)
        for name, values in VARIANTS.items():
            objects = render(within(values, namespace), release="tried", namespace=namespace)
            for pod in (one for one in objects if one["kind"] == "Pod"):
                kube.apply(account(pod["spec"]["serviceAccountName"], namespace))
            text = yaml.safe_dump_all(objects)
            answer = kube(
                *("apply", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-"),
                stdin=text,
            )
            assert len(answer.splitlines()) == len(objects), name
    finally:
        kube("delete", "-f", OTHERS)


def account(name: str, namespace: str) -> str:
    """A ServiceAccount: a pod that names one is refused without it."""
    metadata = {"name": name, "namespace": namespace}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def within(values: Object, namespace: str) -> Object:
    """The same values, with a namespace that there is."""
    here: Object = {"networkPolicy": {"servers": {"namespaces": [namespace]}}}
    if values.get("config", {}).get("namespaces"):
        here["config"] = {"namespaces": [namespace]}
    return joined(values, here)


def test_helm_test_passes_and_leaves_nothing(operator: Kube) -> None:
    said = operator.helm("test", RELEASE, "-n", NAMESPACE, "--timeout", "120s")
    assert "Phase:          Succeeded" in said
    assert operator.find("-n", NAMESPACE, "pod", f"{RELEASE}-test") is None


def test_the_notes_tell_no_password(kube: Kube) -> None:
    said = kube.helm(
        *("install", "noted", CHART, "-n", "default", "--dry-run=client"),
        *("--set", "crds.enabled=false"),
        *("--set", "config.prometheus.url=http://user:secret@prometheus:9090"),
    )
    notes = said.partition("NOTES:")[2]
    assert "http://prometheus:9090" in notes
    assert "secret" not in notes


@pytest.fixture
def nobody(kube: Kube, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of an account that may do nothing."""
    kube("-n", namespace, "create", "serviceaccount", "nobody")
    token = kube("-n", namespace, "create", "token", "nobody").strip()
    whole = json.loads(kube("config", "view", "--raw", "--minify", "-o", "json"))
    (user,) = whole["users"]
    user["user"] = {"token": token}
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(whole))
    return file


def look(config: Path, lease: str, kubeconfig: Path | None) -> tuple[int, list[str]]:
    """What `helm test` would say, asked from here."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "transit_operator.runtime.installation"),
            *(f"--config={config}", f"--lease={lease}"),
        ],
        env={**os.environ, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.stdout, done.stderr
    return done.returncode, done.stdout.splitlines()


def failures(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith(Level.FAIL)]


def test_it_says_what_is_missing(kube: Kube, namespace: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("prometheus: {url: 'http://user:secret@127.0.0.1:9', timeoutSeconds: 1}\n")
    code, said = look(config, f"{namespace}/none", kube.kubectl.kubeconfig)
    assert code == 1
    assert "ok    ModelDeployments in all namespaces can be listed" in said
    nobody_leads, no_prometheus = failures(said)
    assert f"nobody holds the Lease {namespace}/none: look at the operator's pods" in nobody_leads
    assert "Prometheus at http://127.0.0.1:9 can't be reached" in no_prometheus
    assert "secret" not in "".join(said)


def test_it_names_the_right_that_is_missing(
    kube: Kube, nobody: Path, namespace: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"namespaces: [{namespace}]\nprometheus: {{url: 'http://127.0.0.1:9'}}\n")
    code, said = look(config, f"{namespace}/none", nobody)
    assert code == 1
    wrong = failures(said)
    assert any('cannot list resource "deployments"' in line for line in wrong)
    assert any('cannot get resource "leases"' in line for line in wrong)
    assert all("rbac.create" in line for line in wrong if "cannot" in line)
