"""Every value of the chart: something to try, where to look, and what must be there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .helm import Object, config, container, found, joined, pod
from .looks import (
    Look,
    alert,
    contains,
    has,
    in_config,
    in_container,
    in_spec,
    labelled,
    metadata,
    monitor,
    of_page,
    page,
    policy,
    ports,
    rights_on,
    secret_of,
)

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


@dataclass(frozen=True)
class Tried:
    """A value, where to look, and what must be there; `beside` are other values that it needs."""

    value: Any
    look: Look
    there: Any
    beside: Mapping[str, Any] = field(default_factory=dict)


def secret_beside(**prometheus: Any) -> Object:
    """More of what is said of Prometheus, that a value makes no sense without."""
    return {"config": {"prometheus": prometheus}}


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
