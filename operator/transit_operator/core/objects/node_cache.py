"""The init container that fetches models through a cache which the pods of a pool share.

It alone has the cache mounted: the server, in which models run, can neither read nor write it. What
it verified it leaves in the pod's own volume `cache`, where the server looks first. Nothing that
goes wrong in it keeps the pod from starting: then the server fetches by itself
(docs/decisions/0073-a-cache-of-the-node.md).

Neighbours: `template` adds it to a revision's pods; it runs `transit_models.commands.fetch`.
"""

from collections.abc import Iterable
from typing import Any, Final

from ...api.config.pools import NodeCache
from ...api.pod_template import CONTAINER
from ...api.status import PinnedModel
from .mounts import CACHE

NAME: Final = "node-cache"
MOUNT: Final = "/var/cache/transit-node"

# Of objects: directories and claims are read in place.
_FETCHED: Final = ("s3://", "gs://", "az://", "http://", "https://")

# Whatever becomes of the command, be it killed for its memory or not there in an older image.
_ALWAYS_DONE: Final = (
    "import subprocess, sys; "
    "subprocess.run([sys.executable, '-m', 'transit_models.cli', *sys.argv[1:]])"
)
_AS_THE_SERVER: Final = (
    *("image", "imagePullPolicy", "env", "envFrom", "resources", "securityContext"),
    *("volumeMounts", "terminationMessagePolicy"),
)

Object = dict[str, Any]


def cached(
    pod: Object, cache: NodeCache | None, namespace: str, models: Iterable[PinnedModel]
) -> Object:
    """Return a pod's spec with the cache, if there is one and the storage is one to fetch from.

    Nobody else in the pod gets at it, whatever was merged over the pod. A version without a digest
    isn't one that could be found there.
    """
    server = next(c for c in pod["containers"] if c["name"] == CONTAINER)
    told = {variable["name"]: variable.get("value") for variable in server["env"]}
    storage, keys = told["TRANSIT_STORAGE_URI"], told.get("TRANSIT_SIGNING_KEYS")
    known = [model for model in models if model.digest is not None]
    if cache is None or not known or not storage.startswith(_FETCHED):
        return pod
    pod = _without(pod)
    mount = {"name": NAME, "mountPath": MOUNT}
    source: Object = {"persistentVolumeClaim": {"claimName": cache.claim_name}}
    if cache.host_path:
        source = {"hostPath": {"path": cache.host_path, "type": "DirectoryOrCreate"}}
        mount["subPath"] = namespace  # neighbours see nothing of each other
    as_server = {key: server[key] for key in _AS_THE_SERVER if key in server}
    fetching = as_server | {
        "name": NAME,
        "command": ["python", "-c", _ALWAYS_DONE],
        "args": [
            *("fetch", "--into", CACHE, "--node-cache", MOUNT, "--size", cache.size),
            *(("--signed-by", keys) if keys is not None else ()),
            *(storage, *(f"{model.name}@{model.version}={model.digest}" for model in known)),
        ],
        "volumeMounts": [*_others(server.get("volumeMounts")), mount],
    }
    # The last, since others may bring what it needs to reach the storage.
    return pod | {
        "initContainers": [*(pod.get("initContainers") or []), fetching],
        "volumes": [*(pod.get("volumes") or []), {"name": NAME, **source}],
    }


def _without(pod: Object) -> Object:
    """Return the pod's spec without anything of that name."""
    found = pod | {
        kind: [_unmounted(container) for container in _others(pod.get(kind))]
        for kind in ("containers", "initContainers")
        if kind in pod
    }
    return found | ({"volumes": _others(pod["volumes"])} if "volumes" in pod else {})


def _unmounted(container: Object) -> Object:
    if "volumeMounts" not in container:
        return container
    return container | {"volumeMounts": _others(container["volumeMounts"])}


def _others(named: list[Object] | None) -> list[Object]:
    return [entry for entry in named or [] if entry.get("name") != NAME]
