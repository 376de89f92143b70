"""Who wrote a ModelDeployment's spec and command, by what the API server keeps of it."""

from transit_operator.api import names
from transit_operator.core.objects.build import Object
from transit_operator.runtime.observing.authors import Author, author
from transit_operator.runtime.observing.cache import Cache

ACTION: Object = {"f:metadata": {"f:annotations": {".": {}, "f:transit.dev/action": {}}}}
SPEC: Object = {"f:spec": {"f:replicas": {}}}


def kept(*managed: tuple[str, str, Object, str]) -> Object:
    """Return a ModelDeployment as the cache has it, by (manager, minute, fields, subresource)."""
    fields = [
        {"manager": who, "time": f"2026-11-27T12:{minute}:00Z", "fieldsV1": what}
        | ({"subresource": part} if part else {})
        for who, minute, what, part in managed
    ]
    meta = {"namespace": "ml", "name": "m", "uid": "u", "resourceVersion": "1"}
    cache = Cache()
    cache.put({"kind": names.KIND, "metadata": meta | {"managedFields": fields}, "spec": {}})
    found = cache.mdep(("ml", "m"))
    assert found is not None
    assert "managedFields" not in found["metadata"]
    return found


def test_each_part_has_its_own() -> None:
    mdep = kept(
        ("argocd-controller", "01", SPEC, ""),
        ("transit-cli", "03", ACTION, ""),
        ("transit-operator", "05", {"f:status": {}}, "status"),
    )
    assert author(mdep, "spec") == Author("argocd-controller", 1795780860.0)
    assert author(mdep, "action") == Author("transit-cli", 1795780980.0)


def test_of_several_the_one_that_changed_something_last() -> None:
    mdep = kept(("helm", "01", SPEC, ""), ("kubectl-edit", "04", SPEC, ""), ("vpa", "02", SPEC, ""))
    assert author(mdep, "spec") == Author("kubectl-edit", 1795781040.0)
    assert author(mdep, "action") is None


def test_one_who_writes_both() -> None:
    mdep = kept(("kubectl-client-side-apply", "02", SPEC | ACTION, ""))
    assert author(mdep, "spec") == author(mdep, "action") is not None


def test_nothing_is_known_of_an_object_that_says_nothing() -> None:
    assert author(kept(), "spec") is None
