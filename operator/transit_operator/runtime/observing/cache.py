"""What the watches have told: every ModelDeployment and what it owns, as the API server has it.

Objects are kept as JSON text: as dicts they are five times as large, and the garbage collector
walks through millions of them again and again. Who asks gets an object of his own.
Neighbours: `handlers` puts events in, `execute` puts the answers of its writes in, `observe` reads.
"""

import json
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...api import names
from ...core.objects.build import Object
from .authors import authors_of
from .claims import Claims

Key = tuple[str, str]  # namespace, name of a ModelDeployment


class _Kept(NamedTuple):
    key: Key
    uid: str | None
    version: int
    text: str


def _nobody(key: Key) -> None:
    return


class Cache:
    """Objects by ModelDeployment. An older version never replaces a newer one.

    `claims` has who claims which host of which Gateway, by the HTTPRoutes that are kept.
    """

    def __init__(self, concerned: Callable[[Key], None] = _nobody) -> None:
        """`concerned` is told whom a change of somebody else's HTTPRoute concerns.

        Not while a list is read: everything is looked at after it.
        """
        self._concerned = concerned
        self._kinds: dict[str, dict[tuple[str, str], _Kept]] = {}  # kind → namespace, name → object
        self._owned: dict[Key, set[tuple[str, str]]] = {}  # kind, name of what each one owns
        self.claims = Claims()
        self._lists = 0  # that are being read
        self._gone: dict[tuple[str, str, str], set[str | None]] = {}  # kind, … → uids, meanwhile

    @contextmanager
    def listing(self) -> Iterator[None]:
        """While a list is read: what is dropped meanwhile isn't put back by one of its pages.

        All pages are of the moment of the first, so a later one still has what has gone since.
        """
        self._lists += 1
        try:
            yield
        finally:
            self._lists -= 1
            if not self._lists:
                self._gone.clear()

    def put(self, obj: Object) -> Key | None:
        """Keep an object and return the ModelDeployment it concerns (None: none of ours)."""
        key = key_of(obj)
        kind, meta = obj["kind"], obj["metadata"]
        identity = (meta["namespace"], meta["name"])
        ghost = meta.get("uid") in self._gone.get((kind, *identity), ())
        if key is None or ghost or self.knows(obj):
            return key
        known = self._kinds.setdefault(kind, {})
        before = known.get(identity)
        if before is not None and before.key != key:  # its label was changed
            self._disown(kind, before.key, meta["name"])
        text = json.dumps(_slim(obj), separators=(",", ":"))
        known[identity] = _Kept(key, meta.get("uid"), _version(obj), text)
        if kind != names.KIND:
            self._owned.setdefault(key, set()).add((kind, meta["name"]))
        if kind == "HTTPRoute":
            self._tell(self.claims.put(obj))
        return key

    def knows(self, obj: Object) -> bool:
        """Tell whether this object, or a newer version of it, is kept."""
        meta = obj["metadata"]
        kept = self._kinds.get(obj["kind"], {}).get((meta["namespace"], meta["name"]))
        return kept is not None and kept.uid == meta.get("uid") and kept.version >= _version(obj)

    def drop(self, kind: str, namespace: str, name: str, uid: str | None = None) -> None:
        """Forget an object that is gone; with `uid`, only if it is still that one."""
        known = self._kinds.get(kind, {})
        kept = known.get((namespace, name))
        if self._lists and (uid is not None or kept is not None):
            gone = uid if uid is not None or kept is None else kept.uid
            self._gone.setdefault((kind, namespace, name), set()).add(gone)
        if kept is None or (uid is not None and kept.uid != uid):
            return
        del known[namespace, name]
        if kind != names.KIND:
            self._disown(kind, kept.key, name)
        if kind == "HTTPRoute":
            self._tell(self.claims.drop(f"{namespace}/{name}"))

    def keep_only(
        self, kind: str, namespace: str, listed: Container[tuple[str, str]], version: int
    ) -> None:
        """Forget what isn't in a complete list of a kind, unless it is newer than the list.

        `namespace` "" means all; `listed` has (namespace, name). `version` is the list's
        resourceVersion: writes and events that came while it was read are kept.
        """
        gone = [
            (identity, kept.uid)
            for identity, kept in self._kinds.get(kind, {}).items()
            if identity not in listed and namespace in ("", identity[0]) and kept.version <= version
        ]
        for identity, uid in gone:
            self.drop(kind, *identity, uid)

    def mdep(self, key: Key) -> Object | None:
        """Return a ModelDeployment, or None."""
        kept = self._kinds.get(names.KIND, {}).get(key)
        return None if kept is None else _object(kept)

    def owned(self, key: Key) -> dict[tuple[str, str], Object]:
        """Return (kind, name) → object of all that a ModelDeployment owns."""
        return {
            (kind, name): _object(self._kinds[kind][key[0], name])
            for kind, name in self._owned.get(key, ())
        }

    def all_keys(self) -> list[Key]:
        """Return all ModelDeployments."""
        return list(self._kinds.get(names.KIND, {}))

    def _tell(self, routes: Iterable[str]) -> None:
        for route in routes:
            namespace, name = route.split("/")
            kept = self._kinds["HTTPRoute"].get((namespace, name))
            if kept is not None and not self._lists:
                self._concerned(kept.key)

    def _disown(self, kind: str, key: Key, name: str) -> None:
        owned = self._owned[key]
        owned.discard((kind, name))
        if not owned:
            del self._owned[key]


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
    if obj["kind"] == names.KIND:
        obj["authors"] = authors_of(obj["metadata"])
    meta: dict[str, Any] = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    obj["metadata"] = meta
    if obj["kind"] == "Pod":
        obj["spec"] = {"nodeName": obj.get("spec", {}).get("nodeName")}
    return obj


def _object(kept: _Kept) -> Object:
    found: Object = json.loads(kept.text)
    return found


def _version(obj: Object) -> int:
    # Comparable as numbers since Kubernetes 1.35, and always were in practice.
    return int(obj["metadata"].get("resourceVersion") or 0)
