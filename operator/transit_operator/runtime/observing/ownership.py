"""Whose an object is. Labels say what it is for; only its owner says that it may be touched.

Anybody can write our labels. What isn't ours is neither counted nor written nor deleted: `observe`
leaves it out of what decisions and writes see. Neighbours: `writes` asks before the first write of
a name.
"""

from collections.abc import Mapping

from ...api import names
from ...api.names import revision_object_name
from ...core.objects.build import Object, Owner
from ...core.times import epoch

Live = dict[tuple[str, str], Object]  # (kind, name) → the object as it is in the cluster


def ours(owner: Owner, objects: Mapping[tuple[str, str], Object]) -> Live:
    """Return what belongs to a ModelDeployment, of the objects that carry its labels."""
    found = {
        identity: obj
        for identity, obj in objects.items()
        if (belongs(owner, obj) or orphaned(owner, obj)) and not _outlives(owner, obj, objects)
    }
    jobs = {obj["metadata"].get("uid") for (kind, _), obj in found.items() if kind == "Job"}
    for identity, obj in objects.items():  # the pods of our Jobs, for their last words
        if obj["kind"] == "Pod" and not jobs.isdisjoint(r.get("uid") for r in _owners(obj)):
            found[identity] = obj
    return found


def belongs(owner: Owner, obj: Object) -> bool:
    """Tell whether an object is owned by this very ModelDeployment, a pod through its ReplicaSet.

    ReplicaSets aren't watched: theirs are named after the Deployment, whose name nobody else's has.
    """
    if _is_owned(owner, obj):
        return True
    revision = _label(obj, names.LABEL_REVISION)
    if obj["kind"] != "Pod" or not revision:
        return False
    replica_set = revision_object_name(owner.name, revision) + "-"
    return any(
        reference.get("kind") == "ReplicaSet" and reference["name"].startswith(replica_set)
        for reference in _owners(obj)
    )


def _outlives(owner: Owner, obj: Object, objects: Mapping[tuple[str, str], Object]) -> bool:
    """Tell whether a pod is of a deleted ModelDeployment of this name, and goes with it.

    Who deletes one and creates it again at once, as `kubectl replace --force` does, is quicker than
    the garbage collector. Its Deployment is somebody else's then, or gone before the pods are.
    """
    if obj["kind"] != "Pod" or _is_owned(owner, obj):
        return False
    name = revision_object_name(owner.name, _label(obj, names.LABEL_REVISION))
    deployment = objects.get(("Deployment", name))
    if deployment is not None:
        return not (belongs(owner, deployment) or orphaned(owner, deployment))
    made = obj["metadata"].get("creationTimestamp")
    return made is not None and epoch(made) < owner.created


def orphaned(owner: Owner, obj: Object) -> bool:
    """Tell whether an object was left by a ModelDeployment of this name that was deleted alone.

    `kubectl delete --cascade=orphan` takes the owner away and leaves the rest. It is adopted by the
    next one of the name: else moving a resource between GitOps tools would be an outage.
    """
    meta = obj["metadata"]
    if _owners(obj) or obj["kind"] == "Pod":
        return False
    revision = _label(obj, names.LABEL_REVISION)
    name = revision_object_name(owner.name, revision) if revision else owner.name
    labels = (meta.get("labels") or {}).items()
    return bool(meta["name"] == name and names.MANAGED_BY.items() <= labels) and (
        _label(obj, names.LABEL_MODEL_DEPLOYMENT) == owner.name
    )


def _is_owned(owner: Owner, obj: Object) -> bool:
    return any(reference.get("uid") == owner.uid for reference in _owners(obj))


def _owners(obj: Object) -> list[Object]:
    return obj["metadata"].get("ownerReferences") or []


def _label(obj: Object, label: str) -> str:
    found: str = (obj["metadata"].get("labels") or {}).get(label, "")
    return found
