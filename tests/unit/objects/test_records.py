"""Records: models, age and the mark of a rejection."""

from typing import Any

from transit_operator.core.objects.build import Object, Owner, controller_revision
from transit_operator.runtime.observing.records import ANNOTATION_REJECTED, marked, records

OWNER = Owner("ml", "m", "u1")
MODELS = [{"name": "forest", "version": "1.0.0"}, {"name": "net", "version": "2.0.0"}]


def record(name: str, second: int = 0, annotations: Any = None) -> Object:
    obj = controller_revision(OWNER, name, {"models": MODELS})
    obj["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{second:02}Z"
    if annotations is not None:
        obj["metadata"]["annotations"] = annotations
    return obj


def live(*objects: Object) -> dict[tuple[str, str], Object]:
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}


def test_a_record_tells_models_and_age() -> None:
    found = records(live(record("bbbb", 1), record("aaaa", 2)))
    assert [(m.name, m.version) for m in found["aaaa"].models] == [
        ("forest", "1.0.0"),
        ("net", "2.0.0"),
    ]
    assert found["bbbb"].created < found["aaaa"].created
    assert found["aaaa"].rejected == ""


def test_only_marks_that_differ_are_written_and_one_is_taken_back() -> None:
    bad = record("aaaa", annotations={ANNOTATION_REJECTED: "Unhealthy"})
    seen = live(bad, record("bbbb"))
    assert records(seen)["aaaa"].rejected == "Unhealthy"
    assert marked(OWNER, seen, {"aaaa": "Unhealthy"}) == []
    changed = marked(OWNER, seen, {"bbbb": "Unhealthy"})
    assert [obj["metadata"]["annotations"][ANNOTATION_REJECTED] for obj in changed] == [
        "",
        "Unhealthy",
    ]
    assert all(obj["data"] == {"models": MODELS} for obj in changed)


def test_a_record_of_a_newer_version_is_read_as_far_as_it_goes() -> None:
    """Else a downgrade would stop every look at the ModelDeployment, for ever."""
    newer = record("aaaa")
    newer["data"] = {"models": [{"name": "forest", "version": "1.0.0", "digest": "sha512:00"}]}
    found = records(live(newer, record("bbbb")))
    assert found["aaaa"].models == ()
    assert len(found["bbbb"].models) == 2
