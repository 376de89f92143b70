"""The pod template of a revision: built once, kept in its ControllerRevision, never built again.

Neighbours: `objects` wraps it into a Deployment; the environment variables are the contract with
`transit_server.settings`.
"""

import json
from pathlib import PurePosixPath
from typing import Any

from ...api import names
from ...api.config import OperatorConfig, Pool
from ...api.server import FILE, RESERVED_ENV, Server, Storage
from ...api.spec import ModelDeploymentSpec
from ..observed import Wanted

CACHE = "/var/cache/transit"
MODELS = "/models"
API_KEYS = "/etc/transit/api-keys"
FEEDBACK = "/etc/transit/feedback"
USER = 65532
CONTAINER = "server"
API_KEYS_VOLUME = "api-keys"
FEEDBACK_VOLUME = "feedback"
ENTRY = "key"  # of the Secret for feedback


class UnknownPool(Exception):
    """`spec.server.pool` names no pool of the operator's configuration."""

    def __init__(self, pool: str, known: list[str]) -> None:
        super().__init__(
            f"spec.server.pool: no pool is named {pool!r}; the operator's configuration has"
            f" {', '.join(sorted(known)) or 'none'}"
        )


class ForbiddenPath(Exception):
    """`spec.storage.uri` names a directory of the node that the operator doesn't allow."""

    def __init__(self, uri: str, roots: list[str]) -> None:
        super().__init__(
            f"spec.storage.uri: {uri} is not below a directory that the operator's configuration"
            f" allows (fileRoots: {', '.join(roots) or 'none'})"
        )


def pod_template(
    namespace: str,
    name: str,
    wanted: Wanted,
    spec: ModelDeploymentSpec,
    config: OperatorConfig,
    feedback_secret: str,
) -> dict[str, Any]:
    """Return the pod template of a revision.

    Args:
        feedback_secret: the name of the Secret with the key for feedback.

    Raises:
        UnknownPool: the pool isn't configured.
        ForbiddenPath: the storage is a directory of the node outside `fileRoots`.
    """
    if spec.storage.uri.startswith(FILE) and not _is_allowed(spec.storage.uri, config.file_roots):
        raise ForbiddenPath(spec.storage.uri, config.file_roots)
    pool = config.pools.get(spec.server.pool)
    if pool is None:
        raise UnknownPool(spec.server.pool, list(config.pools))
    server = spec.server
    return {
        "metadata": {
            "labels": revision_labels(name, wanted.revision),
            "annotations": {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(names.PROBE_PORT),
                "prometheus.io/path": "/metrics",
            },
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationGracePeriodSeconds": 40 + config.server.drain_delay_seconds,
            **_placement(pool),
            "containers": [_container(namespace, name, wanted, spec, config, pool)],
            "volumes": [
                *_volumes(spec.storage),
                *_key_volumes(server),
                _feedback_volume(feedback_secret),
            ],
        },
    }


def _is_allowed(uri: str, roots: list[str]) -> bool:
    """Tell whether a directory of the node is one of the allowed ones, or below one.

    By its name only: what a link on the node points to, nobody here can see.
    """
    path = PurePosixPath(uri.removeprefix(FILE))
    if ".." in path.parts or not path.is_absolute() or "//" in str(path):
        return False
    return any(path.is_relative_to(root) for root in roots)


def revision_labels(name: str, revision: str) -> dict[str, str]:
    """Return the labels of everything that belongs to one revision."""
    return {
        names.LABEL_MODEL_DEPLOYMENT: name,
        names.LABEL_REVISION: revision,
        "app.kubernetes.io/name": "transit-server",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/version": revision,
        **names.MANAGED_BY,
    }


def _placement(pool: Pool) -> dict[str, Any]:
    placement: dict[str, Any] = {}
    if pool.node_selector:
        placement["nodeSelector"] = pool.node_selector
    if pool.tolerations:
        placement["tolerations"] = pool.tolerations
    if pool.runtime_class_name:
        placement["runtimeClassName"] = pool.runtime_class_name
    return placement


def _container(
    namespace: str,
    name: str,
    wanted: Wanted,
    spec: ModelDeploymentSpec,
    config: OperatorConfig,
    pool: Pool,
) -> dict[str, Any]:
    server = spec.server
    resources = (
        server.resources.model_dump(exclude_none=True) if server.resources else pool.resources
    )
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": server.image or config.server.image,
        "imagePullPolicy": config.server.image_pull_policy,
        "ports": [
            {"name": "http", "containerPort": names.SERVER_PORT, "protocol": "TCP"},
            {"name": "probes", "containerPort": names.PROBE_PORT, "protocol": "TCP"},
        ],
        "env": _environment(namespace, name, wanted, spec, config),
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "readinessProbe": _probe("/health/ready", period=1, failures=2),
        "livenessProbe": _probe("/health/live", period=10, failures=6),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *_mounts(spec.storage),
            *_key_mounts(server),
            {"name": FEEDBACK_VOLUME, "mountPath": FEEDBACK, "readOnly": True},
        ],
    }
    if spec.storage.secret_name:
        container["envFrom"] = [{"secretRef": {"name": spec.storage.secret_name}}]
    return container


def _environment(
    namespace: str, name: str, wanted: Wanted, spec: ModelDeploymentSpec, config: OperatorConfig
) -> list[dict[str, Any]]:
    own = {
        "TRANSIT_MODEL_DEPLOYMENT": f"{namespace}/{name}",
        "TRANSIT_REVISION": wanted.revision,
        "TRANSIT_MODELS": json.dumps(_served(wanted, spec)),
        "TRANSIT_DEFAULT_MODEL": spec.default or wanted.models[0].name,
        "TRANSIT_STORAGE_URI": _served_from(spec.storage),
        "TRANSIT_CACHE_DIR": CACHE,
        "TRANSIT_PORT": str(names.SERVER_PORT),
        "TRANSIT_PROBE_PORT": str(names.PROBE_PORT),
        "TRANSIT_BATCH_MAX_SIZE": str(spec.server.batching.max_size),
        "TRANSIT_BATCH_MAX_WAIT": spec.server.batching.max_wait,
        "TRANSIT_DRAIN_DELAY": f"{config.server.drain_delay_seconds}s",
        "TRANSIT_FEEDBACK_KEY_FILE": f"{FEEDBACK}/{ENTRY}",
    }
    if spec.server.api_keys is not None:
        own["TRANSIT_API_KEYS_FILE"] = API_KEYS
    # The API server refuses reserved names; what it let pass before that still has no effect.
    users = [v for v in spec.server.env if v.name not in RESERVED_ENV]
    return [
        *({"name": name, "value": value} for name, value in own.items()),
        *(v.model_dump(by_alias=True, exclude_none=True) for v in users),
    ]


def _served(wanted: Wanted, spec: ModelDeploymentSpec) -> list[dict[str, Any]]:
    """Return the pinned models with their settings, as the server reads them."""
    threads = {model.name: model.intra_op_threads for model in spec.models}
    return [
        model.model_dump(exclude_none=True)
        | ({"intraOpThreads": threads[model.name]} if threads.get(model.name) else {})
        for model in wanted.models
    ]


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "probes", "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 5 if period > 1 else 1,
        "failureThreshold": failures,
    }


def _served_from(storage: Storage) -> str:
    """Return the URI that the server reads: a mounted folder for file:// and pvc://."""
    return storage.uri if storage.uri.startswith("s3://") else f"file://{MODELS}"


def _mounts(storage: Storage) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "cache", "mountPath": CACHE},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    if storage.uri.startswith(FILE):
        mounts.append({"name": "models", "mountPath": MODELS, "readOnly": True})
    if storage.uri.startswith("pvc://"):
        _, _, path = storage.uri.removeprefix("pvc://").partition("/")
        mount: dict[str, Any] = {"name": "models", "mountPath": MODELS, "readOnly": True}
        mounts.append(mount | ({"subPath": path.strip("/")} if path.strip("/") else {}))
    return mounts


def _key_mounts(server: Server) -> list[dict[str, Any]]:
    if server.api_keys is None:
        return []
    return [{"name": API_KEYS_VOLUME, "mountPath": API_KEYS, "readOnly": True}]


def _key_volumes(server: Server) -> list[dict[str, Any]]:
    if server.api_keys is None:
        return []
    secret = {"secretName": server.api_keys.secret_name, "defaultMode": 0o440}
    return [{"name": API_KEYS_VOLUME, "secret": secret}]


def _feedback_volume(secret_name: str) -> dict[str, Any]:
    """Return the volume of the key. Optional: a lost Secret must not keep a pod from serving."""
    secret = {"secretName": secret_name, "defaultMode": 0o440, "optional": True}
    return {"name": FEEDBACK_VOLUME, "secret": secret}


def _volumes(storage: Storage) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "cache", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if storage.uri.startswith(FILE):
        path = storage.uri.removeprefix(FILE)
        volumes.append({"name": "models", "hostPath": {"path": path, "type": "Directory"}})
    if storage.uri.startswith("pvc://"):
        claim = storage.uri.removeprefix("pvc://").partition("/")[0]
        volumes.append(
            {"name": "models", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        )
    return volumes
