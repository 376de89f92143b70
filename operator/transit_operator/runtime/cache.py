"""What the watches have told: every ModelDeployment and what it owns, as the API server has it.

Neighbours: `handlers` puts events in, `execute` puts the answers of its writes in, `observe` reads.
"""

from typing import Any

from ..api import names
from ..core.objects import Object

Key = tuple[str, str]  # namespace, name of a ModelDeployment


class Cache:
    """Objects by ModelDeployment. An older version never replaces a newer one."""

    def __init__(self) -> None:
        self._mdeps: dict[Key, Object] = {}
        self._owned: dict[Key, dict[tuple[str, str], Object]] = {}

    def put(self, obj: Object) -> Key | None:
        """Keep an object and return the ModelDeployment it concerns (None: none of ours)."""
        key = key_of(obj)
        if key is None:
            return None
        obj = _slim(obj)
        if obj["kind"] == names.KIND:
            self._mdeps[key] = _newer(self._mdeps.get(key), obj)
            return key
        owned = self._owned.setdefault(key, {})
        identity = (obj["kind"], obj["metadata"]["name"])
        owned[identity] = _newer(owned.get(identity), obj)
        return key

    def drop(self, kind: str, namespace: str, name: str, uid: str | None = None) -> None:
        """Forget an object that is gone; with `uid`, only if it is still that one."""
        if kind == names.KIND:
            self._mdeps.pop((namespace, name), None)
            return
        for key, owned in self._owned.items():
            found = owned.get((kind, name))
            if key[0] != namespace or found is None:
                continue
            if uid is None or found["metadata"]["uid"] == uid:
                del owned[(kind, name)]

    def replace(self, kind: str, namespace: str, objects: list[Object], version: int) -> None:
        """Take a complete list of a kind: what isn't in it doesn't exist, unless it is newer.

        `namespace` "" means all. `version` is the list's resourceVersion: writes and events that
        came while it was read are kept.
        """
        listed = {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects}
        for obj in [*self._mdeps.values(), *(o for d in self._owned.values() for o in d.values())]:
            meta = obj["metadata"]
            gone = (meta["namespace"], meta["name"]) not in listed and _version(obj) <= version
            if obj["kind"] == kind and namespace in ("", meta["namespace"]) and gone:
                self.drop(kind, meta["namespace"], meta["name"], meta["uid"])
        for obj in objects:
            self.put(obj)

    def mdep(self, key: Key) -> Object | None:
        """Return a ModelDeployment, or None."""
        return self._mdeps.get(key)

    def owned(self, key: Key) -> dict[tuple[str, str], Object]:
        """Return (kind, name) → object of all that a ModelDeployment owns, as a copy."""
        return dict(self._owned.get(key, {}))

    def all_keys(self) -> list[Key]:
        """Return all ModelDeployments."""
        return list(self._mdeps)


def key_of(obj: Object) -> Key | None:
    """Return the ModelDeployment that an object is or belongs to, by kind and label."""
    meta = obj["metadata"]
    if obj["kind"] == names.KIND:
        return meta["namespace"], meta["name"]
    name = (meta.get("labels") or {}).get(names.LABEL_MODEL_DEPLOYMENT)
    return (meta["namespace"], name) if name else None


def _slim(obj: Object) -> Object:
    """Leave out what is never read: it is most of an object's size."""
    obj = dict(obj)
    meta: dict[str, Any] = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    obj["metadata"] = meta
    if obj["kind"] == "Pod":
        obj["spec"] = {"nodeName": obj.get("spec", {}).get("nodeName")}
    return obj


def _newer(old: Object | None, new: Object) -> Object:
    if old is None or old["metadata"].get("uid") != new["metadata"].get("uid"):
        return new
    return new if _version(new) >= _version(old) else old


def _version(obj: Object) -> int:
    # Comparable as numbers since Kubernetes 1.35, and always were in practice.
    return int(obj["metadata"].get("resourceVersion") or 0)
