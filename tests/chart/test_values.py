"""Every value of the chart is tried: what it changes is looked at, and no value is left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from dev.chart import values
from transit_operator.api.config.operator import OperatorConfig

from .helm import CHART, Object, Refused, config, container, found, joined, nested, pod, render

DIGEST = "sha256:" + "a" * 64
PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "x"}}}
RULE = {"ports": [{"protocol": "TCP", "port": 4318}]}
VOLUME = {"name": "ca", "configMap": {"name": "ca"}}
MOUNT = {"name": "ca", "mountPath": "/ca"}
SPREAD = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
SERVERS = {"networkPolicy": {"servers": {"namespaces": ["ml"]}}}
SLACK = {"name": "slack", "urlFile": "/run/url", "namespaces": ["ml"], "reasons": ["Rejected"]}
RECEIVERS = {
    "networkPolicy": {"enabled": True},
    "config": {"notifications": {"receivers": [SLACK]}},
}
ON = {
    name: {name: {"enabled": True}}
    for name in ("podMonitor", "prometheusRule", "dashboards", "dashboard", "networkPolicy")
}
Look = Callable[[list[Object]], Any]


@dataclass(frozen=True)
class Tried:
    """A value, where to look, and what must be there; `beside` are other values that it needs."""

    value: Any
    look: Look
    there: Any
    beside: Mapping[str, Any] = field(default_factory=dict)


def has(kind: str, name: str = "") -> Look:
    """Whether there is an object of a kind whose name ends so."""
    return lambda objects: any(
        o["kind"] == kind and o["metadata"]["name"].endswith(name) for o in objects
    )


def metadata(kind: str, name: str, part: str, key: str) -> Look:
    """A label or annotation of an object."""
    return lambda objects: found(objects, kind, name)["metadata"].get(part, {}).get(key)


def labelled(key: str) -> Look:
    """The values of a label on all objects, and on the pods."""
    return lambda objects: {o["metadata"]["labels"].get(key) for o in [*objects, pod(objects)]}


def policy(name: str, way: str, number: int) -> Look:
    """A rule of a NetworkPolicy."""
    return lambda objects: found(objects, "NetworkPolicy", name)["spec"][way][number]


def ports(rule: Look) -> Look:
    return lambda objects: [port["port"] for port in rule(objects)["ports"]]


def alert(name: str) -> Look:
    """The expression of an alert."""
    return lambda objects: next(
        rule["expr"]
        for group in found(objects, "PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
        if rule["alert"] == name
    )


def in_spec(key: str) -> Look:
    return lambda objects: pod(objects)["spec"].get(key)


def secret_of(volume: str) -> Look:
    """The Secret that a volume of the operator's pod is of."""
    return lambda objects: next(
        found["secret"]["secretName"]
        for found in pod(objects)["spec"]["volumes"]
        if found["name"] == volume
    )


def in_container(key: str) -> Look:
    return lambda objects: container(objects).get(key)


def page(key: str) -> Look:
    """A part of the live page's container."""
    return lambda objects: container(objects, "dashboard").get(key)


def of_page(key: str) -> Look:
    """A part of the live page's pod."""
    return lambda objects: pod(objects, "dashboard")["spec"].get(key)


def in_config(*route: str) -> Look:
    def look(objects: list[Object]) -> Any:
        there: Any = config(objects)
        for key in route:
            there = there[key]
        return there

    return look


def secret_beside(**prometheus: Any) -> Object:
    """More of what is said of Prometheus, that a value makes no sense without."""
    return {"config": {"prometheus": prometheus}}


def rights_on(group: str) -> Look:
    """Whether the operator may do anything with what is of a group."""
    return lambda objects: any(
        group in rule["apiGroups"]
        for one in objects
        if one["kind"] in ("Role", "ClusterRole") and one["metadata"]["name"].endswith("-operator")
        for rule in one["rules"]
    )


def monitor(objects: list[Object]) -> set[Any]:
    """The intervals of all PodMonitors."""
    monitors = [o for o in objects if o["kind"] == "PodMonitor"]
    return {m["spec"]["podMetricsEndpoints"][0].get("interval") for m in monitors}


def contains(look: Look, part: Any) -> Look:
    return lambda objects: part in look(objects)


OPERATOR, SERVER_POLICY = "transit-operator", "transit-system.transit-servers"
PAGE = "transit-dashboard"
TRIED: dict[str, Tried] = {
    "crds.enabled": Tried(False, has("CustomResourceDefinition"), False),
    "crds.keep": Tried(
        False,
        lambda o: found(o, "CustomResourceDefinition")["metadata"].get("annotations"),
        None,
    ),
    "image.repository": Tried("r.example/o", in_container("image"), "r.example/o:0.1.0"),
    "image.tag": Tried("9", in_container("image"), "ghcr.io/transit-dev/operator:9"),
    "image.digest": Tried(DIGEST, in_container("image"), f"ghcr.io/transit-dev/operator@{DIGEST}"),
    "image.pullPolicy": Tried("Always", in_container("imagePullPolicy"), "Always"),
    "imagePullSecrets": Tried([{"name": "pull"}], in_spec("imagePullSecrets"), [{"name": "pull"}]),
    "replicas": Tried(3, lambda o: found(o, "Deployment")["spec"]["replicas"], 3),
    "logLevel": Tried("debug", contains(in_container("args"), "--log-level=debug"), True),
    "extraArgs": Tried(["--x=1"], lambda o: container(o)["args"][-1], "--x=1"),
    "extraEnv": Tried(
        [{"name": "HTTPS_PROXY", "value": "http://p"}],
        in_container("env"),
        [{"name": "HTTPS_PROXY", "value": "http://p"}],
    ),
    "extraVolumes": Tried([VOLUME], contains(in_spec("volumes"), VOLUME), True),
    "extraVolumeMounts": Tried([MOUNT], contains(in_container("volumeMounts"), MOUNT), True),
    "resources": Tried(
        {"limits": {"cpu": "2"}},
        lambda o: container(o)["resources"]["limits"],
        {"cpu": "2", "memory": "512Mi"},
    ),
    "commonLabels": Tried({"team": "ml"}, labelled("team"), {"ml"}),
    "annotations": Tried({"a": "b"}, metadata("Deployment", OPERATOR, "annotations", "a"), "b"),
    "podLabels": Tried({"a": "b"}, lambda o: pod(o)["metadata"]["labels"].get("a"), "b"),
    "podAnnotations": Tried({"a": "b"}, lambda o: pod(o)["metadata"]["annotations"].get("a"), "b"),
    "priorityClassName": Tried("high", in_spec("priorityClassName"), "high"),
    "nodeSelector": Tried({"a": "b"}, in_spec("nodeSelector"), {"a": "b"}),
    "tolerations": Tried(
        [{"operator": "Exists"}], in_spec("tolerations"), [{"operator": "Exists"}]
    ),
    "affinity": Tried({"nodeAffinity": {}}, in_spec("affinity"), {"nodeAffinity": {}}),
    "topologySpreadConstraints": Tried([SPREAD], in_spec("topologySpreadConstraints"), [SPREAD]),
    "podDisruptionBudget.enabled": Tried(False, has("PodDisruptionBudget"), False),
    "podDisruptionBudget.maxUnavailable": Tried(
        "50%", lambda o: found(o, "PodDisruptionBudget")["spec"]["maxUnavailable"], "50%"
    ),
    "podSecurityContext": Tried(
        {"runAsUser": None, "runAsGroup": None},
        in_spec("securityContext"),
        {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    ),
    "securityContext": Tried(
        {"readOnlyRootFilesystem": False},
        lambda o: container(o)["securityContext"]["readOnlyRootFilesystem"],
        False,
    ),
    "serviceAccount.create": Tried(False, in_spec("serviceAccountName"), "default"),
    "serviceAccount.name": Tried("mine", in_spec("serviceAccountName"), "mine"),
    "serviceAccount.annotations": Tried(
        {"a": "b"}, metadata("ServiceAccount", OPERATOR, "annotations", "a"), "b"
    ),
    "rbac.create": Tried(False, has("ClusterRoleBinding"), False),
    "rbac.aggregateClusterRoles": Tried(False, has("ClusterRole", "-edit"), False),
    "podMonitor.enabled": Tried(True, has("PodMonitor"), True),
    "podMonitor.interval": Tried("5s", monitor, {"5s"}, ON["podMonitor"]),
    "podMonitor.labels": Tried(
        {"release": "p"},
        metadata("PodMonitor", "transit-servers", "labels", "release"),
        "p",
        ON["podMonitor"],
    ),
    "prometheusRule.enabled": Tried(True, has("PrometheusRule"), True),
    "prometheusRule.labels": Tried(
        {"release": "p"},
        metadata("PrometheusRule", OPERATOR, "labels", "release"),
        "p",
        ON["prometheusRule"],
    ),
    "prometheusRule.errorRate": Tried(
        0.125, contains(alert("TransitModelErrors"), "> 0.125 "), True, ON["prometheusRule"]
    ),
    "prometheusRule.latencySeconds": Tried(
        0.25,
        lambda o: alert("TransitModelSlow")(o).endswith("> 0.25"),
        True,
        ON["prometheusRule"],
    ),
    "dashboards.enabled": Tried(True, has("ConfigMap", "-dashboard-fleet"), True),
    "dashboards.namespace": Tried(
        "grafana",
        lambda o: found(o, "ConfigMap", "transit-dashboard-fleet")["metadata"]["namespace"],
        "grafana",
        ON["dashboards"],
    ),
    "dashboards.labels": Tried(
        {"grafana_dashboard": None, "dash": "1"},
        lambda o: {
            key
            for key in found(o, "ConfigMap", "transit-dashboard-fleet")["metadata"]["labels"]
            if "dash" in key
        },
        {"dash"},
        ON["dashboards"],
    ),
    "dashboards.annotations": Tried(
        {"grafana_folder": "Transit"},
        metadata("ConfigMap", "transit-dashboard-fleet", "annotations", "grafana_folder"),
        "Transit",
        ON["dashboards"],
    ),
    "dashboard.enabled": Tried(True, has("Deployment", "-dashboard"), True),
    "dashboard.image.repository": Tried("r.x/d", page("image"), "r.x/d:0.1.0", ON["dashboard"]),
    "dashboard.image.tag": Tried(
        "9", page("image"), "ghcr.io/transit-dev/dashboard:9", ON["dashboard"]
    ),
    "dashboard.image.digest": Tried(
        DIGEST, page("image"), f"ghcr.io/transit-dev/dashboard@{DIGEST}", ON["dashboard"]
    ),
    "dashboard.image.pullPolicy": Tried(
        "Always", page("imagePullPolicy"), "Always", ON["dashboard"]
    ),
    "dashboard.signIn": Tried(
        "Required", contains(page("args"), "--sign-in=Required"), True, ON["dashboard"]
    ),
    "dashboard.hostnames": Tried(
        ["transit.example.com"],
        contains(page("args"), "--host=transit.example.com"),
        True,
        ON["dashboard"],
    ),
    "dashboard.prometheusUrl": Tried(
        "http://p", contains(page("args"), "--prometheus=http://p"), True, ON["dashboard"]
    ),
    "dashboard.extraEnv": Tried(
        [{"name": "REQUESTS_CA_BUNDLE", "value": "/ca/ca.crt"}],
        page("env"),
        [{"name": "REQUESTS_CA_BUNDLE", "value": "/ca/ca.crt"}],
        ON["dashboard"],
    ),
    "dashboard.extraVolumes": Tried(
        [VOLUME], contains(of_page("volumes"), VOLUME), True, ON["dashboard"]
    ),
    "dashboard.extraVolumeMounts": Tried(
        [MOUNT], contains(page("volumeMounts"), MOUNT), True, ON["dashboard"]
    ),
    "dashboard.podLabels": Tried(
        {"a": "b"},
        lambda o: pod(o, "dashboard")["metadata"]["labels"].get("a"),
        "b",
        ON["dashboard"],
    ),
    "dashboard.podAnnotations": Tried(
        {"a": "b"},
        lambda o: pod(o, "dashboard")["metadata"].get("annotations", {}).get("a"),
        "b",
        ON["dashboard"],
    ),
    "dashboard.priorityClassName": Tried(
        "low", of_page("priorityClassName"), "low", ON["dashboard"]
    ),
    "dashboard.resources": Tried(
        {"limits": {"cpu": "2"}},
        lambda o: container(o, "dashboard")["resources"]["limits"],
        {"cpu": "2", "memory": "512Mi"},
        ON["dashboard"],
    ),
    "networkPolicy.visitors": Tried(
        [PEER],
        lambda o: policy(PAGE, "ingress", 0)(o)["from"],
        [PEER],
        joined(ON["networkPolicy"], ON["dashboard"]),
    ),
    "networkPolicy.enabled": Tried(True, has("NetworkPolicy", OPERATOR), True),
    "networkPolicy.prometheus": Tried(
        [PEER],
        lambda o: [
            policy(OPERATOR, "ingress", 0)(o)["from"],
            policy(OPERATOR, "egress", 2)(o)["to"],
            policy(SERVER_POLICY, "ingress", 1)(o)["from"],
        ],
        [[PEER]] * 3,
        joined(ON["networkPolicy"], SERVERS),
    ),
    "networkPolicy.prometheusPorts": Tried(
        [443], ports(policy(OPERATOR, "egress", 2)), [443], ON["networkPolicy"]
    ),
    "networkPolicy.apiServer": Tried(
        [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
        lambda o: policy(OPERATOR, "egress", 1)(o)["to"],
        [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
        ON["networkPolicy"],
    ),
    "networkPolicy.apiServerPorts": Tried(
        [6444], ports(policy(OPERATOR, "egress", 1)), [6444], ON["networkPolicy"]
    ),
    "networkPolicy.extraEgress": Tried(
        [RULE], policy(OPERATOR, "egress", -1), RULE, ON["networkPolicy"]
    ),
    "networkPolicy.receivers": Tried(
        [PEER], lambda o: policy(OPERATOR, "egress", 3)(o)["to"], [PEER], RECEIVERS
    ),
    "networkPolicy.receiverPorts": Tried(
        [443, 587], ports(policy(OPERATOR, "egress", 3)), [443, 587], RECEIVERS
    ),
    "networkPolicy.servers.namespaces": Tried(
        ["a", "b", "a"],
        lambda o: [x["metadata"]["namespace"] for x in o if x["kind"] == "NetworkPolicy"],
        ["a", "b"],
    ),
    "networkPolicy.servers.clients": Tried(
        [PEER],
        lambda o: policy(SERVER_POLICY, "ingress", 0)(o)["from"],
        [PEER, {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "transit-check"}}}],
        SERVERS,
    ),
    "networkPolicy.servers.store": Tried(
        [PEER], lambda o: policy(SERVER_POLICY, "egress", 1)(o)["to"], [PEER], SERVERS
    ),
    "networkPolicy.servers.storePorts": Tried(
        [9000], ports(policy(SERVER_POLICY, "egress", 1)), [9000], SERVERS
    ),
    "networkPolicy.servers.extraEgress": Tried(
        [RULE], policy(SERVER_POLICY, "egress", -1), RULE, SERVERS
    ),
    "config.prometheus.url": Tried("http://p", in_config("prometheus", "url"), "http://p"),
    "config.prometheus.timeoutSeconds": Tried(2.5, in_config("prometheus", "timeoutSeconds"), 2.5),
    "config.prometheus.namespaceLabel": Tried("", in_config("prometheus", "namespaceLabel"), ""),
    "config.server.image": Tried("r.example/s:1", in_config("server", "image"), "r.example/s:1"),
    "config.server.imagePullPolicy": Tried(
        "Never", in_config("server", "imagePullPolicy"), "Never"
    ),
    "config.server.drainDelaySeconds": Tried(0, in_config("server", "drainDelaySeconds"), 0),
    "config.pools": Tried(
        {"gpu": None, "mig": {"resources": {"limits": {"nvidia.com/mig-1g.5gb": 1}}}},
        lambda o: sorted(config(o)["pools"]),
        ["cpu", "mig"],
    ),
    "config.resolver.resources": Tried(
        {"limits": {"cpu": "2"}},
        lambda o: config(o)["resolver"]["resources"]["limits"]["cpu"],
        "2",
    ),
    "config.prometheus.secretName": Tried("access", secret_of("prometheus"), "access"),
    "config.notifications.secretName": Tried("receivers", secret_of("notifications"), "receivers"),
    "config.notifications.environment": Tried(
        "dev", in_config("notifications", "environment"), "dev"
    ),
    "config.notifications.blindAfterSeconds": Tried(
        600, in_config("notifications", "blindAfterSeconds"), 600
    ),
    "config.notifications.receivers": Tried(
        [SLACK], in_config("notifications", "receivers"), [SLACK]
    ),
    "config.registry.secretName": Tried("database", secret_of("registry"), "database"),
    "config.keda.enabled": Tried(True, rights_on("keda.sh"), True),
    "config.keda.authentication": Tried(
        "prometheus", in_config("keda", "authentication"), "prometheus"
    ),
    "config.registry.urlFile": Tried("/run/url", in_config("registry", "urlFile"), "/run/url"),
    "config.registry.environment": Tried("dev", in_config("registry", "environment"), "dev"),
    "config.prometheus.basicAuth.username": Tried(
        "me",
        in_config("prometheus", "basicAuth", "username"),
        "me",
        secret_beside(basicAuth={"passwordFile": "pw"}),
    ),
    "config.prometheus.basicAuth.usernameFile": Tried(
        "user",
        in_config("prometheus", "basicAuth", "usernameFile"),
        "user",
        secret_beside(basicAuth={"passwordFile": "pw"}),
    ),
    "config.prometheus.basicAuth.passwordFile": Tried(
        "pw",
        in_config("prometheus", "basicAuth", "passwordFile"),
        "pw",
        secret_beside(basicAuth={"username": "me"}),
    ),
    "config.prometheus.bearerTokenFile": Tried(
        "token", in_config("prometheus", "bearerTokenFile"), "token"
    ),
    "config.prometheus.headers": Tried(
        {"X-Scope-OrgID": "ml"}, in_config("prometheus", "headers", "X-Scope-OrgID"), "ml"
    ),
    "config.prometheus.headerFiles": Tried(
        {"X-Key": "key"}, in_config("prometheus", "headerFiles", "X-Key"), "key"
    ),
    "config.prometheus.tls.caFile": Tried("ca", in_config("prometheus", "tls", "caFile"), "ca"),
    "config.prometheus.tls.certFile": Tried(
        "crt",
        in_config("prometheus", "tls", "certFile"),
        "crt",
        secret_beside(tls={"keyFile": "key"}),
    ),
    "config.prometheus.tls.keyFile": Tried(
        "key",
        in_config("prometheus", "tls", "keyFile"),
        "key",
        secret_beside(tls={"certFile": "crt"}),
    ),
    "config.server.disruptionBudgets": Tried(
        False, in_config("server", "disruptionBudgets"), False
    ),
    "config.server.podTemplate": Tried(
        {"metadata": {"labels": {"team": "ml"}}},
        in_config("server", "podTemplate"),
        {"metadata": {"labels": {"team": "ml"}}},
    ),
    "config.formats": Tried(["onnx", "skops"], in_config("formats"), ["onnx", "skops"]),
    "config.predictionLog.uri": Tried(
        "s3://predictions", in_config("predictionLog", "uri"), "s3://predictions"
    ),
    "config.predictionLog.secretName": Tried(
        "log", in_config("predictionLog", "secretName"), "log"
    ),
    "config.predictionLog.buffer": Tried("8Mi", in_config("predictionLog", "buffer"), "8Mi"),
    "config.predictionLog.every": Tried("5s", in_config("predictionLog", "every"), "5s"),
    "config.fileRoots": Tried([], in_config("fileRoots"), []),
    "config.namespaces": Tried(["ml"], in_config("namespaces"), ["ml"]),
    "config.workers": Tried(4, in_config("workers"), 4),
}
ALL = [value for value in values.read(CHART / "values.yaml") if not value.group]


def test_no_value_is_left_out() -> None:
    assert sorted(TRIED) == sorted(value.name for value in ALL)


@pytest.mark.parametrize("name", TRIED)
def test_a_value_does_what_it_says(name: str) -> None:
    tried = TRIED[name]
    before = render(tried.beside)
    after = render(joined(tried.beside, nested(name, tried.value)))
    assert tried.look(after) == tried.there
    assert before != after, "and it made the difference"
    assert OperatorConfig.model_validate(config(after))


WRONG: dict[str, tuple[Any, str]] = {
    "image.tagg": ("x", "additional properties 'tagg' not allowed"),
    "replica": (1, "additional properties 'replica' not allowed"),
    "config.promtheus": ({}, "additional properties 'promtheus' not allowed"),
    "config.pools.cpu.nodeselector": ({}, "additional properties 'nodeselector' not allowed"),
    "config.namespaces": (["ml-*"], "does not match pattern"),
    "config.workers": (0, "minimum: got 0, want 1"),
    "config.fileRoots": (["/"], "does not match pattern"),
    "config.predictionLog.uri": ("https://host/log", "does not match pattern"),
    "config.predictionLog.every": ("0s", "does not match pattern"),
    "config.formats": (["onxx"], "value must be one of 'onnx', 'skops'"),
    "image.digest": ("sha256:abc", "does not match pattern"),
    "image.tag": (1.5, "got number, want string"),
    "logLevel": ("trace", "value must be one of 'debug', 'info', 'warning', 'error'"),
    "dashboard.signIn": ("Maybe", "value must be one of 'Off', 'Optional', 'Required'"),
    "dashboard.hostnames": (["https://transit.example.com"], "does not match pattern"),
    "replicas": ("two", "got string, want integer"),
    "prometheusRule.errorRate": (5, "maximum: got 5, want 1"),
    "imagePullSecrets": (["pull"], "got string, want object"),
    "networkPolicy.apiServerPorts": ([], "minItems: got 0, want 1"),
    "podLabels": ({"a": 1}, "got number, want string"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_with_its_name(name: str) -> None:
    value, words = WRONG[name]
    with pytest.raises(Refused) as refused:
        render(nested(name, value))
    said = str(refused.value)
    assert words in said
    group = name.rpartition(".")[0].replace(".", "/")
    assert f"at '{'/' if group else ''}{group}" in said


def test_every_value_may_be_given_as_it_is() -> None:
    """As `helm get values --all` gives them, and as a chart of charts does, with `global`."""
    given: Object = {"global": {"shared": "by all charts"}}
    for value in ALL:
        given = joined(given, nested(value.name, value.default))
    assert render(given) == render()
