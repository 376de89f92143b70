"""The pod template of a revision: built once, kept in its ControllerRevision, never built again.

What the configuration, its pool and the spec say in a `podTemplate` is merged over it, in this
order; then what makes the pod this revision's is put back. Neighbours: `build` wraps it into a
Deployment; `merge` merges; `mounts` has the volumes; `unbuildable` is what can't be built; the
environment variables are the contract with `transit_server.settings`.
"""

import json
from pathlib import PurePosixPath
from typing import Any

from ...api import names
from ...api.config.operator import OperatorConfig
from ...api.config.pools import Pool
from ...api.pod_template import CONTAINER, FIELDS_OF_THE_SPEC, FIXED
from ...api.server import FILE, RESERVED_ENV
from ...api.spec import ModelDeploymentSpec
from ..observed import Wanted
from .identity import revision_labels, selector
from .literal import literal
from .merge import merged
from .mounts import (
    ANSWER_CACHE,
    API_KEYS,
    CACHE,
    FEEDBACK,
    PREDICTION_LOG,
    STORAGE_SECRET,
    mounts,
    served_from,
    volumes,
)
from .node_cache import cached
from .unbuildable import (
    GRACE_SECONDS,
    CutOff,
    ForbiddenPath,
    NoSigningKeys,
    NowhereToLog,
    UnknownPool,
)

USER = 65532
ENTRY = "key"  # of the Secret for feedback

_KUBERNETES_GRACE_SECONDS = 30  # where a podTemplate has taken ours away

# Soft: pods go where there is room, but not all to one node or zone while others are free.
SPREAD_OVER = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


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
        NoSigningKeys: signatures are asked for, and there are no keys.
        NowhereToLog: predictions are to be written, and there is no store for them.
        CutOff: pods would be killed before they have stopped to take requests.
    """
    drain = config.server.drain_delay_seconds
    if spec.storage.uri.startswith(FILE) and not _is_allowed(spec.storage.uri, config.file_roots):
        raise ForbiddenPath(spec.storage.uri, config.file_roots)
    pool = config.pools.get(spec.server.pool)
    if pool is None:
        raise UnknownPool(spec.server.pool, list(config.pools))
    own = {
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
            "terminationGracePeriodSeconds": GRACE_SECONDS + drain,
            **_placement(pool),
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"}
                for key in SPREAD_OVER
            ],
            "containers": [_container(namespace, name, wanted, spec, config, pool)],
            "volumes": volumes(
                spec.storage, spec.server, feedback_secret, config.prediction_log.secret_name
            ),
        },
    }
    template = own
    for over in (config.server.pod_template, pool.pod_template, spec.server.pod_template):
        template = merged(template, over)
    template = _with_identity(template, own, name, wanted.revision)
    grace = template["spec"].get("terminationGracePeriodSeconds", _KUBERNETES_GRACE_SECONDS)
    if grace <= drain:
        raise CutOff(grace, drain)
    pod = cached(template["spec"], pool.node_cache, namespace, wanted.models)
    return template | {"spec": pod}


def _with_identity(
    template: dict[str, Any], own: dict[str, Any], name: str, revision: str
) -> dict[str, Any]:
    """Return a template that is this revision's whatever was merged over it.

    The CRD and the configuration refuse what is undone here; what comes through has no effect.
    """
    metadata, pod = template.get("metadata") or {}, template.get("spec") or {}
    labels = (metadata.get("labels") or {}) | own["metadata"]["labels"]
    (built,) = own["spec"]["containers"]
    containers = pod.get("containers") or []
    ours = next((c for c in containers if c.get("name") == CONTAINER), built)
    others = [c for c in containers if c.get("name") != CONTAINER]
    return {
        "metadata": metadata | {"labels": labels},
        "spec": pod
        | {
            "containers": [_server(ours, built), *others],
            "topologySpreadConstraints": [
                _counting(constraint, selector(name, revision))
                for constraint in pod.get("topologySpreadConstraints") or []
            ],
        },
    }


def _server(container: dict[str, Any], built: dict[str, Any]) -> dict[str, Any]:
    """Return the server's container with image, ports, resources and variables as built."""
    said = {variable["name"] for variable in built["env"]}
    more = [
        variable
        for variable in container.get("env") or []
        if variable.get("name") not in said and variable.get("name") not in RESERVED_ENV
    ]
    owned = (*FIELDS_OF_THE_SPEC, *FIXED)
    kept = {key: built[key] for key in owned if key in built}
    found = container | kept | {"env": [*built["env"], *more]}
    return {key: value for key, value in found.items() if key not in owned or key in kept}


def _counting(constraint: dict[str, Any], pods: dict[str, str]) -> dict[str, Any]:
    """Return a constraint that counts some pods: without a selector it would count none."""
    chosen = {"matchLabels": pods}
    return constraint | ({} if "labelSelector" in constraint else {"labelSelector": chosen})


def _is_allowed(uri: str, roots: list[str]) -> bool:
    """Tell whether a directory of the node is one of the allowed ones, or below one.

    By its name only: what a link on the node points to, nobody here can see.
    """
    path = PurePosixPath(uri.removeprefix(FILE))
    if ".." in path.parts or not path.is_absolute() or "//" in str(path):
        return False
    return any(path.is_relative_to(root) for root in roots)


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
        "volumeMounts": mounts(spec.storage, server, config.prediction_log.secret_name),
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
        "TRANSIT_STORAGE_URI": served_from(spec.storage),
        "TRANSIT_CACHE_DIR": CACHE,
        "TRANSIT_PORT": str(names.SERVER_PORT),
        "TRANSIT_PROBE_PORT": str(names.PROBE_PORT),
        "TRANSIT_BATCH_MAX_SIZE": str(spec.server.batching.max_size),
        "TRANSIT_BATCH_MAX_WAIT": spec.server.batching.max_wait,
        "TRANSIT_DRAIN_DELAY": f"{config.server.drain_delay_seconds}s",
        "TRANSIT_FEEDBACK_KEY_FILE": f"{FEEDBACK}/{ENTRY}",
    }
    if spec.storage.secret_name:
        own["TRANSIT_STORAGE_SECRET"] = STORAGE_SECRET
    if spec.server.api_keys is not None:
        own["TRANSIT_API_KEYS_FILE"] = API_KEYS
    if (keys := signing_keys(spec, config)) is not None:
        own["TRANSIT_SIGNING_KEYS"] = keys
    if (log := prediction_log(spec, config)) is not None:
        own["TRANSIT_PREDICTION_LOG"] = log
    if (cache := spec.server.answer_cache) is not None:
        told = {"ttl": cache.ttl, "largest": cache.largest, "wait": cache.wait}
        own["TRANSIT_ANSWER_CACHE"] = json.dumps({"secret": ANSWER_CACHE, **told})
    if config.formats:
        own["TRANSIT_FORMATS"] = ",".join(config.formats)
    # The API server refuses reserved names; what it let pass before that still has no effect.
    users = [v for v in spec.server.env if v.name not in RESERVED_ENV]
    return [
        *({"name": name, "value": literal(value)} for name, value in own.items()),
        *(v.model_dump(by_alias=True, exclude_none=True) for v in users),
    ]


def signing_keys(spec: ModelDeploymentSpec, config: OperatorConfig) -> str | None:
    """Return the keys, one of which must have signed what is served; None where none is asked for.

    They stay with the revision: what they have signed once is the content that its digest names.

    Raises:
        NoSigningKeys: there are none.
    """
    if spec.storage.verify != "Signature":
        return None
    if not config.signing.keys:
        raise NoSigningKeys
    return json.dumps(config.signing.keys)


def prediction_log(spec: ModelDeploymentSpec, config: OperatorConfig) -> str | None:
    """Return where and how predictions are written, as the server reads it; None: they are not.

    Raises:
        NowhereToLog: the configuration names no store.
    """
    asked, given = spec.server.prediction_log, config.prediction_log
    if asked is None:
        return None
    if not given.uri:
        raise NowhereToLog
    secret = {"secret": PREDICTION_LOG} if given.secret_name else {}
    where = {"uri": given.uri, "buffer": given.buffer, "every": given.every}
    return json.dumps(where | secret | asked.model_dump())


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
