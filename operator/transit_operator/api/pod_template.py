"""`podTemplate`: what is merged over the pods that Transit builds, in a spec and in the
configuration.

It is a part of a whole pod, whose schema has ten thousand lines and another one in each
Kubernetes. So the CRD has the outline, with what people reach for and what they may not set; all
else is handed on, and the API server says of the Deployment what it doesn't take
(docs/decisions/0049-pod-template.md). Neighbours: `core.objects.merge` merges,
`core.objects.template` holds against it what is Transit's own.
"""

from typing import Annotated, Any

from pydantic import AfterValidator

from . import names
from .base import rule
from .patterns import SECRET_NAME

CONTAINER = "server"

# Labels by which Services, budgets and Transit itself find a revision's pods.
IDENTITY_LABELS = tuple(
    f"app.kubernetes.io/{part}" for part in ("name", "instance", "version", "managed-by")
)
OWN_PREFIX = f"{names.GROUP}/"

# For whatever pods a spec describes.
NO_LABELS_OF_OURS: dict[str, Any] = rule(
    f"self.all(k, !k.startsWith('{OWN_PREFIX}') && !(k in {list(IDENTITY_LABELS)}))",
    f"labels of {OWN_PREFIX} and {', '.join(IDENTITY_LABELS)} are Transit's: by them a"
    " revision's pods are found",
)

# Of the container `server`. `env` stands here for specs only: an administrator has no other place.
FIELDS_OF_THE_SPEC = ("image", "resources")
FIXED = ("command", "args", "ports")

_ANY: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _list(what: str, items: dict[str, Any], most: int, **more: Any) -> dict[str, Any]:
    return {"type": "array", "description": what, "maxItems": most, "items": items, **more}


def _named(what: str, most: int, properties: dict[str, Any] | None = None, **more: Any) -> Any:
    """Return the schema of a list of anything that has a name."""
    name = {
        "type": "string",
        "description": "Its name; what Transit has under that name is added to.",
        "minLength": 1,
        "maxLength": 253,
    }
    items = _ANY | {"required": ["name"], "properties": {"name": name, **(properties or {})}}
    return _list(what, items, most, **more)


_MOUNTS = _list(
    "As in any pod.",
    _ANY
    | {
        "required": ["mountPath"],
        "properties": {
            "mountPath": {
                "type": "string",
                "description": "Where the volume is; what Transit has there is added to.",
                "minLength": 1,
                "maxLength": 4096,
            }
        },
    },
    64,
)

_CONTAINER_FIELDS: dict[str, Any] = {
    "image": {
        "type": "string",
        "description": "Image of a container beside the server, whose own is spec.server.image.",
        "maxLength": 4096,
    },
    "command": _list("As in any pod, of containers beside the server.", {"type": "string"}, 256),
    "args": _list("As in any pod, of containers beside the server.", {"type": "string"}, 256),
    "env": _list(
        "As in any pod, of containers beside the server, whose own are spec.server.env.",
        _ANY,
        256,
    ),
    "ports": _list("As in any pod, of containers beside the server.", _ANY, 64),
    "volumeMounts": _MOUNTS,
    "resources": _ANY
    | {
        "description": "As in any pod, of containers beside the server, whose own are"
        " spec.server.resources."
    },
}

_NOT_ITS_OWN = " && ".join(f"!has(c.{field})" for field in (*FIELDS_OF_THE_SPEC, "env", *FIXED))

_METADATA = {
    "type": "object",
    "description": "Labels and annotations of the pods.",
    "properties": {
        "labels": {
            "type": "object",
            "description": "Labels of the pods, beside those of Transit.",
            "additionalProperties": {"type": "string", "maxLength": 63},
            "maxProperties": 64,
            **NO_LABELS_OF_OURS,
        },
        "annotations": {
            "type": "object",
            "description": "Annotations of the pods, such as those of a mesh, or prometheus.io/*.",
            "additionalProperties": {"type": "string"},
            "maxProperties": 64,
            **rule(
                f"self.all(k, !k.startsWith('{OWN_PREFIX}'))",
                f"annotations of {OWN_PREFIX} are Transit's",
            ),
        },
    },
}

_POD = _ANY | {
    "description": "Fields of the pods' spec, as in any pod; fields that are not described here are"
    " taken, too.",
    "properties": {
        "serviceAccountName": {
            "type": "string",
            "description": "ServiceAccount of the pods, such as one with a cloud identity that may"
            " read the storage. Its token is not mounted unless automountServiceAccountToken is"
            " true.",
            "maxLength": 253,
            **SECRET_NAME,
        },
        "automountServiceAccountToken": {
            "type": "boolean",
            "description": "Whether pods get the ServiceAccount's token; default: false.",
        },
        "imagePullSecrets": _named("Secrets for pulling images.", 16),
        "priorityClassName": {
            "type": "string",
            "description": "PriorityClass of the pods.",
            "maxLength": 253,
            **SECRET_NAME,
        },
        "nodeSelector": {
            "type": "object",
            "description": "Labels of nodes, beside those of the pool.",
            "additionalProperties": {"type": "string"},
            "maxProperties": 64,
        },
        "tolerations": _list("Taints that are tolerated, beside those of the pool.", _ANY, 64),
        "affinity": _ANY | {"description": "As in any pod."},
        "topologySpreadConstraints": _list(
            "How pods are spread, by topologyKey. Default: over nodes and zones where that can be."
            " Without a labelSelector the pods of the revision are counted.",
            _ANY
            | {
                "required": ["topologyKey"],
                "properties": {
                    "topologyKey": {
                        "type": "string",
                        "description": "Label of nodes, such as topology.kubernetes.io/zone.",
                        "maxLength": 317,
                    }
                },
            },
            16,
        ),
        "securityContext": _ANY
        | {"description": "Of the pod, as in any pod; that of a container stands with it."},
        "volumes": _named("More volumes, or other sources of Transit's own: cache, tmp.", 64),
        "initContainers": _named(
            "As in any pod; they also run in the pod that looks up an alias.",
            16,
            {"image": _CONTAINER_FIELDS["image"], "volumeMounts": _MOUNTS},
        ),
        "containers": _named(
            f"The container {CONTAINER} is the model server: volumeMounts, probes' times,"
            " securityContext, lifecycle, envFrom. Others run beside it.",
            16,
            _CONTAINER_FIELDS,
            **rule(
                f"self.all(c, c.name != '{CONTAINER}' || ({_NOT_ITS_OWN}))",
                f"of the container {CONTAINER}, image, resources and env are fields of spec.server;"
                " command, args and ports are Transit's",
            ),
        ),
        "restartPolicy": {
            "type": "string",
            "description": "Servers always run.",
            "enum": ["Always"],
        },
        "terminationGracePeriodSeconds": {
            "type": "integer",
            "description": "How long a pod may take to end. Default: 40 s longer than it drains.",
            "minimum": 1,
            "maximum": 86400,
        },
    },
}


def is_ours(label: str) -> bool:
    """Tell whether a label is one that only Transit gives to pods."""
    return label.startswith(OWN_PREFIX) or label in IDENTITY_LABELS


def typed(schema: dict[str, Any]) -> None:
    """Give the field its outline. In memory it stays a plain map: it is handed on as it is."""
    schema.pop("additionalProperties", None)
    schema |= {"properties": {"metadata": _METADATA, "spec": _POD}}


_KEYED = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "topologySpreadConstraints": "topologyKey",
}
_KEYED_IN_CONTAINERS = {"env": "name", "volumeMounts": "mountPath"}


def _checked(template: dict[str, Any]) -> dict[str, Any]:
    """Refuse in the configuration what the CRD refuses in a spec. Raises: ValueError."""
    unknown = sorted(set(template) - {"metadata", "spec"})
    if unknown:
        raise ValueError(f"a podTemplate has metadata and spec, not {', '.join(unknown)}")
    metadata, pod = template.get("metadata") or {}, template.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(pod, dict):
        raise ValueError("metadata and spec must be objects")
    unknown = sorted(set(metadata) - {"labels", "annotations"})
    if unknown:
        raise ValueError(f"metadata has labels and annotations, not {', '.join(unknown)}")
    taken = [
        key
        for part in ("labels", "annotations")
        for key in metadata.get(part) or {}
        if (is_ours(key) if part == "labels" else key.startswith(OWN_PREFIX))
    ]
    if taken:
        raise ValueError(f"{', '.join(taken)}: set by Transit")
    for field, key in _KEYED.items():
        _keyed(pod.get(field, []), field, key)
    for container in pod.get("containers", []):
        own = {*FIELDS_OF_THE_SPEC, *FIXED} & set(container)
        if container["name"] == CONTAINER and own:
            raise ValueError(
                f"{', '.join(sorted(own))} of the container {CONTAINER}: set by Transit, by a"
                " ModelDeployment or by a pool"
            )
    for container in (*pod.get("containers", []), *pod.get("initContainers", [])):
        for field, key in _KEYED_IN_CONTAINERS.items():
            _keyed(container.get(field) or [], f"{field} of the container {container['name']}", key)
    return template


def _keyed(entries: Any, what: str, key: str) -> None:
    """Refuse what is no list of objects that have a key. Raises: ValueError."""
    if not isinstance(entries, list):
        raise ValueError(f"{what} must be a list")
    if not all(isinstance(entry, dict) and entry.get(key) for entry in entries):
        raise ValueError(f"each of {what} needs a {key}")


# As it stands in the configuration, where no API server has looked at it.
PodTemplate = Annotated[dict[str, Any], AfterValidator(_checked)]
