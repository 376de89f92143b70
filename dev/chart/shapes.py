"""What a value may be, where its default doesn't tell.

A default that is true or a number or a text is of that type. Objects and lists need an entry here,
but for groups of other values. What Kubernetes defines is left to Kubernetes: its API server says
more of a wrong affinity than a schema here could. Neighbour: `schema`.
"""

from typing import Any

from transit_operator.runtime.logs import LEVELS

Schema = dict[str, Any]
Route = tuple[str, ...]

_PULL: Schema = {"type": "string", "enum": ["IfNotPresent", "Always", "Never"]}
_DIGEST: Schema = {"type": "string", "pattern": "^(sha256:[a-f0-9]{64})?$"}
_OBJECT: Schema = {"type": "object"}  # of Kubernetes
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_TEXT_BY_NAME: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_PORTS: Schema = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "integer", "minimum": 1, "maximum": 65535},
}
_NAMESPACES: Schema = {
    "type": "array",
    "items": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
}
_SECRETS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1}},
        "additionalProperties": False,
    },
}
_COUNT_OR_PERCENT: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]+%$", "minimum": 0}

SHAPES: dict[str, Schema] = {
    "image.repository": {"type": "string", "minLength": 1},
    "image.digest": _DIGEST,
    "image.pullPolicy": _PULL,
    "imagePullSecrets": _SECRETS,
    "replicas": {"type": "integer", "minimum": 0},
    "logLevel": {"type": "string", "enum": list(LEVELS)},
    "extraArgs": _TEXTS,
    "extraEnv": _OBJECTS,
    "extraVolumes": _OBJECTS,
    "extraVolumeMounts": _OBJECTS,
    "resources": _OBJECT,
    "commonLabels": _TEXT_BY_NAME,
    "annotations": _TEXT_BY_NAME,
    "podLabels": _TEXT_BY_NAME,
    "podAnnotations": _TEXT_BY_NAME,
    "nodeSelector": _TEXT_BY_NAME,
    "tolerations": _OBJECTS,
    "affinity": _OBJECT,
    "topologySpreadConstraints": _OBJECTS,
    "podDisruptionBudget.maxUnavailable": _COUNT_OR_PERCENT,
    "podSecurityContext": _OBJECT,
    "securityContext": _OBJECT,
    "serviceAccount.annotations": _TEXT_BY_NAME,
    "podMonitor.interval": {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))*$"},
    "podMonitor.labels": _TEXT_BY_NAME,
    "prometheusRule.labels": _TEXT_BY_NAME,
    "prometheusRule.errorRate": {"type": "number", "minimum": 0, "maximum": 1},
    "prometheusRule.latencySeconds": {"type": "number", "exclusiveMinimum": 0},
    "dashboards.labels": _TEXT_BY_NAME,
    "dashboards.annotations": _TEXT_BY_NAME,
    "dashboard.image.repository": {"type": "string", "minLength": 1},
    "dashboard.image.digest": _DIGEST,
    "dashboard.image.pullPolicy": _PULL,
    "dashboard.signIn": {"type": "string", "enum": ["Off", "Optional", "Required"]},
    "dashboard.hostnames": {
        "type": "array",
        # as browsers send them, without a port
        "items": {"type": "string", "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"},
    },
    "dashboard.prometheusUrl": {"type": "string", "pattern": "^(https?://.+)?$"},
    "dashboard.extraEnv": _OBJECTS,
    "dashboard.extraVolumes": _OBJECTS,
    "dashboard.extraVolumeMounts": _OBJECTS,
    "dashboard.podLabels": _TEXT_BY_NAME,
    "dashboard.podAnnotations": _TEXT_BY_NAME,
    "dashboard.resources": _OBJECT,
    "networkPolicy.prometheus": _OBJECTS,
    "networkPolicy.prometheusPorts": _PORTS,
    "networkPolicy.apiServer": _OBJECTS,
    "networkPolicy.apiServerPorts": _PORTS,
    "networkPolicy.receivers": _OBJECTS,
    "networkPolicy.receiverPorts": _PORTS,
    "networkPolicy.extraEgress": _OBJECTS,
    "networkPolicy.visitors": _OBJECTS,
    "networkPolicy.servers.namespaces": _NAMESPACES,
    "networkPolicy.servers.clients": _OBJECTS,
    "networkPolicy.servers.store": _OBJECTS,
    "networkPolicy.servers.storePorts": _PORTS,
    "networkPolicy.servers.extraEgress": _OBJECTS,
}
# Of the operator's configuration the types are in transit_operator.api.config.
_OPEN_IN_CONFIG = {
    ("config", "pools"),
    ("config", "prometheus", "headers"),
    ("config", "prometheus", "headerFiles"),
    ("config", "resolver", "resources"),
    ("config", "server", "podTemplate"),
}


def is_open(route: Route) -> bool:
    """Tell whether the keys of an object are anybody's, as labels are."""
    return ".".join(route) in SHAPES or route in _OPEN_IN_CONFIG
