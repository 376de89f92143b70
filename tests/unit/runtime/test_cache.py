"""What the watches and writes have told: the newest stays, and a list ends what isn't in it."""

from typing import Any

from transit_operator.runtime.observing.cache import Cache

KEY = ("ml", "m")


def mdep(version: int, uid: str = "u1") -> dict[str, Any]:
    meta = {"name": "m", "namespace": "ml", "uid": uid, "resourceVersion": str(version)}
    return {"kind": "ModelDeployment", "metadata": meta, "spec": {}}


def service(name: str, version: int) -> dict[str, Any]:
    labels = {"transit.dev/model-deployment": "m"}
    meta = {"name": name, "namespace": "ml", "uid": name, "resourceVersion": str(version)}
    return {"kind": "Service", "metadata": {**meta, "labels": labels}, "spec": {}}


def listed(
    cache: Cache, kind: str, namespace: str, objects: list[dict[str, Any]], version: int
) -> None:
    """Take a complete list, as `runtime.operator.refresh` does."""
    for obj in objects:
        cache.put(obj)
    names = {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects}
    cache.keep_only(kind, namespace, names, version)


def version(cache: Cache) -> str | None:
    found = cache.mdep(KEY)
    return found["metadata"]["resourceVersion"] if found else None


def test_an_older_event_never_replaces_what_a_write_returned() -> None:
    cache = Cache()
    cache.put(mdep(9))
    cache.put(mdep(5))
    assert version(cache) == "9"


def test_an_object_made_again_under_its_name_replaces_the_old_one() -> None:
    cache = Cache()
    cache.put(mdep(9, uid="u1"))
    cache.put(mdep(10, uid="u2"))
    assert version(cache) == "10"


def test_a_deletion_of_an_earlier_object_does_not_drop_the_present_one() -> None:
    cache = Cache()
    cache.put(service("s", 4))
    cache.drop("Service", "ml", "s", uid="another")
    assert ("Service", "s") in cache.owned(KEY)


def test_a_relist_keeps_what_was_written_while_it_was_read() -> None:
    cache = Cache()
    cache.put(mdep(12))
    cache.put(service("missed-its-deletion", 3))
    cache.put(service("made-meanwhile", 15))
    listed(cache, "ModelDeployment", "", [mdep(8)], version=10)
    listed(cache, "Service", "", [], version=10)
    assert version(cache) == "12"
    assert set(cache.owned(KEY)) == {("Service", "made-meanwhile")}


def test_what_goes_while_a_list_is_read_is_not_put_back_by_a_later_page() -> None:
    cache = Cache()
    cache.put(service("goes", 3))
    cache.put(service("goes-unseen", 3))
    with cache.listing():
        cache.drop("Service", "ml", "goes", uid="goes")
        cache.drop("Service", "ml", "new-to-us", uid="new-to-us")
        cache.drop("Service", "ml", "goes-unseen")
        gone = [service("goes", 3), service("new-to-us", 4), service("goes-unseen", 3)]
        listed(cache, "Service", "", [*gone, service("stays", 5)], version=10)
    assert set(cache.owned(KEY)) == {("Service", "stays")}


def test_what_is_made_anew_while_a_list_is_read_stays() -> None:
    cache = Cache()
    cache.put(mdep(3, uid="u1"))
    with cache.listing():
        cache.drop("ModelDeployment", "ml", "m", uid="u1")
        cache.put(mdep(12, uid="u2"))
        listed(cache, "ModelDeployment", "", [mdep(3, uid="u1")], version=10)
        assert version(cache) == "12"
    cache.put(mdep(3, uid="u1"))  # nothing is remembered for longer than it is needed


def test_lists_that_overlap_remember_until_the_last_has_ended() -> None:
    cache = Cache()
    cache.put(service("goes", 3))
    with cache.listing():
        with cache.listing():
            cache.drop("Service", "ml", "goes", uid="goes")
        listed(cache, "Service", "", [service("goes", 3)], version=10)
    assert not cache.owned(KEY)


def test_other_kinds_and_namespaces_are_not_touched_by_a_relist() -> None:
    cache = Cache()
    cache.put(mdep(3))
    cache.put(service("s", 3))
    listed(cache, "Service", "elsewhere", [], version=10)
    listed(cache, "Deployment", "", [], version=10)
    assert version(cache) == "3"
    assert ("Service", "s") in cache.owned(KEY)


def test_what_it_knows_is_that_version_of_that_object_or_a_newer_one() -> None:
    cache = Cache()
    cache.put(service("s", 4))
    found = {number: cache.knows(service("s", number)) for number in (3, 4, 5)}
    assert found == {3: True, 4: True, 5: False}
    assert not cache.knows(service("another", 3))
    cache.put(mdep(9, uid="u1"))
    assert not cache.knows(mdep(8, uid="u2"))


def test_an_object_whose_label_changed_belongs_to_one_only() -> None:
    cache = Cache()
    cache.put(service("s", 4))
    moved = service("s", 5)
    moved["metadata"]["labels"]["transit.dev/model-deployment"] = "n"
    cache.put(moved)
    assert not cache.owned(KEY)
    assert set(cache.owned(("ml", "n"))) == {("Service", "s")}


def test_what_is_returned_is_nobody_elses() -> None:
    cache = Cache()
    cache.put(service("s", 4))
    cache.owned(KEY)["Service", "s"]["spec"]["changed"] = True
    assert cache.owned(KEY)["Service", "s"]["spec"] == {}


def test_a_dropped_object_leaves_nothing() -> None:
    cache = Cache()
    cache.put(mdep(3))
    cache.put(service("s", 4))
    cache.drop("Service", "ml", "s", uid="s")
    cache.drop("ModelDeployment", "ml", "m")
    assert (cache.mdep(KEY), cache.owned(KEY), cache.all_keys()) == (None, {}, [])
