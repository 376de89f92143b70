"""What makes a new revision, and what doesn't."""

import re
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from tests.unit.scenes import V1, V2
from tests.unit.world import digest, spec, wanted
from transit_operator.api.server import Batching, Server, Storage
from transit_operator.api.spec import ModelDeploymentSpec, ModelRef
from transit_operator.api.status import PinnedModel, Pins
from transit_operator.core.objects.revision import (
    _LEFT_OUT,
    asked,
    content_key,
    contents,
    revision_of,
    storage_of,
    surely_new,
)
from transit_operator.core.observed import Record, Wanted

MODELS = [{"name": "cnn", "version": "1.1.0"}, {"name": "xgb", "version": "1.0.0"}]
SERVER = {
    "image": "registry/server:1",
    "pool": "gpu",
    "resources": {"limits": {"nvidia.com/gpu": 1}},
    "env": [{"name": "A", "value": "1"}],
    "batching": {"maxSize": 8, "maxWait": "5ms"},
    "predictionLog": {},
    "answerCache": {"secretName": "redis"},
}


def name_of(**overrides: Any) -> str:
    return wanted(spec(**({"models": MODELS} | overrides))).revision


BASE = name_of()


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param({"replicas": 9}, id="replicas"),
        pytest.param({"replicas": None, "autoscaling": {"min": 1, "max": 3}}, id="autoscaling"),
        pytest.param({"traffic": {"router": "replicas"}}, id="traffic"),
        pytest.param({"rollout": {"progressDeadline": "1h", "onFailure": "Pause"}}, id="rollout"),
        pytest.param({"suspend": True}, id="suspend"),
    ],
)
def test_no_new_revision_by_a_change_of(overrides: dict[str, Any]) -> None:
    assert name_of(**overrides) == BASE


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param({"models": MODELS[:1]}, id="a model less"),
        pytest.param({"models": [MODELS[0], {"name": "xgb", "version": "1.0.1"}]}, id="a version"),
        pytest.param({"models": MODELS[::-1]}, id="the order, which says what auto means"),
        pytest.param({"default": "ensemble"}, id="default"),
        pytest.param({"storage": {"uri": "s3://others"}}, id="storage"),
        pytest.param({"storage": {"uri": "s3://models", "secretName": "m"}}, id="secret"),
        pytest.param({"storage": {"uri": "s3://models", "verify": "Signature"}}, id="verify"),
        *(pytest.param({"server": {key: SERVER[key]}}, id=f"server.{key}") for key in SERVER),
        pytest.param(
            {"server": {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]}},
            id="server.env from elsewhere",
        ),
    ],
)
def test_a_new_revision_by_a_change_of(overrides: dict[str, Any]) -> None:
    assert name_of(**overrides) != BASE


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param({"server": {}}, id="an empty server"),
        pytest.param({"server": {"pool": "cpu"}}, id="the default pool"),
        pytest.param({"server": {"env": []}}, id="no env"),
        pytest.param({"server": {"batching": {}}}, id="empty batching"),
        pytest.param(
            {"server": {"batching": {"maxSize": 32, "maxWait": "2ms"}}}, id="default batching"
        ),
        pytest.param({"storage": {"uri": "s3://models", "secretName": None}}, id="no secret"),
        pytest.param({"storage": {"uri": "s3://models", "verify": "Checksum"}}, id="checksums"),
        pytest.param({"default": None}, id="no default model"),
        pytest.param({"default": "cnn"}, id="the first model as the default"),
    ],
)
def test_the_same_revision_with_defaults_spelled_out(overrides: dict[str, Any]) -> None:
    assert name_of(**overrides) == BASE


def test_a_revision_ends_a_dns_label() -> None:
    assert re.fullmatch("[0-9a-f]{10}", BASE)


def test_the_name_of_a_revision_never_changes_between_versions_of_the_operator() -> None:
    # A rename would restart every pod of every user at the next upgrade.
    assert undigested(spec(V1)).revision == "568639dde8", "of an operator without digests"
    assert wanted(spec(V1)).revision == "68583920e5"


def undigested(asked_for: ModelDeploymentSpec) -> Wanted:
    """Return the revision of a spec as operators named it that knew no digests."""
    return revision_of(
        asked_for, [PinnedModel(name=m.name, version=m.version) for m in asked_for.models]
    )


def aliased(version: str = "stable", **overrides: Any) -> ModelDeploymentSpec:
    return spec(models=[{"name": "cnn", "version": version}], **overrides)


def cnn(version: str, content: str | None = "") -> PinnedModel:
    made = None if content is None else digest("cnn", version, content)
    return PinnedModel(name="cnn", version=version, digest=made)


def found(wish: ModelDeploymentSpec, *models: PinnedModel) -> Pins:
    return Pins(key=content_key(wish), models=list(models))


def test_a_version_is_looked_up_once_and_pinned_with_its_digest() -> None:
    wish = aliased()
    assert asked(wish, None, {}) is None
    target = asked(wish, found(wish, cnn("1.4.0")), {})
    assert target is not None
    assert target.models == (cnn("1.4.0"),)
    assert target.revision == wanted(aliased("1.4.0")).revision
    assert asked(aliased("1.4.0"), None, {}) is None, "its content is not known"


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        pytest.param(aliased(replicas=9), False, id="a change of replicas asks nobody"),
        pytest.param(aliased(rollout={"onFailure": "Pause"}), False, id="nor one of the rollout"),
        pytest.param(aliased("latest"), True, id="another alias is looked up"),
        pytest.param(aliased("champion"), True, id="so is one of MLflow's"),
        pytest.param(aliased(server={"pool": "gpu"}), True, id="so is a new revision"),
        pytest.param(aliased("1.5.0"), True, id="and another version"),
    ],
)
def test_when_versions_are_looked_up_again(changed: ModelDeploymentSpec, again: bool) -> None:
    pins = found(aliased(), cnn("1.4.0"))
    assert (asked(changed, pins, {}) is None) is again


def test_what_is_there_already_is_not_looked_up() -> None:
    """So a change that is taken back, or a lost status, waits for no storage."""
    wish = aliased("1.4.0")
    there = wanted(wish)
    known = {"another": (cnn("1.3.0"),), there.revision: there.models}
    assert asked(wish, None, known) == there
    earlier = found(aliased("1.5.0"), cnn("1.5.0"))
    assert asked(wish, earlier, known) == there, "whatever was asked for in between"
    assert asked(aliased("1.4.0", default="ensemble"), None, known) is None
    assert asked(aliased(), None, known) is None, "an alias may have moved"


def test_of_two_contents_of_one_version_the_pinned_one_is_meant_else_the_first_known() -> None:
    wish = aliased("1.4.0")
    first, other = (revision_of(wish, [cnn("1.4.0", content)]) for content in ("", "other"))
    known = {other.revision: other.models, first.revision: first.models}
    assert asked(wish, None, known) == other
    assert asked(wish, found(wish, cnn("1.4.0")), known) == first


def test_a_revision_from_before_there_were_digests_stays_as_it_is() -> None:
    wish, by_alias = aliased("1.4.0"), aliased()
    old = undigested(wish)
    known = {old.revision: old.models}
    assert asked(wish, None, known) == old
    assert asked(by_alias, found(by_alias, cnn("1.4.0", None)), known) == old
    assert asked(by_alias, found(by_alias, cnn("1.4.0")), known) == old, "looked up by command"
    moved = asked(by_alias, found(by_alias, cnn("1.5.0")), known)
    assert moved is not None
    assert moved.models[0].digest is not None


def test_of_a_mixed_spec_what_an_earlier_operator_pinned_names_what_it_made() -> None:
    models = [{"name": "cnn", "version": "stable"}, {"name": "xgb", "version": "1.0.0"}]
    wish, numbers = spec(models=models), [{**models[0], "version": "1.4.0"}, models[1]]
    old = undigested(spec(models=numbers))
    pins = found(wish, cnn("1.4.0", None))
    assert asked(wish, pins, {old.revision: ()}) == old
    assert asked(wish, pins, {}) is None, "of one that isn't there yet all is looked up"


def test_an_image_that_knows_no_digests_makes_a_revision_without() -> None:
    wish = aliased("1.4.0")
    assert asked(wish, found(wish, cnn("1.4.0", None)), {}) == undigested(wish)


def test_the_command_resolve_asks_again_whatever_is_known() -> None:
    wish = aliased("1.4.0")
    there = wanted(wish)
    assert asked(wish, found(wish), {there.revision: there.models}) is None


def test_a_spec_is_surely_new_when_nothing_known_could_be_it() -> None:
    there = wanted(aliased("1.4.0"))
    known = {there.revision: there.models}
    assert surely_new(aliased("1.5.0"), None, known)
    assert not surely_new(aliased("1.4.0"), None, known)
    assert not surely_new(aliased(), None, known), "an alias may mean what is there"
    again = aliased("1.4.0")
    assert not surely_new(again, found(again), known), "the same is looked at again by command"


def test_other_content_of_a_known_version_is_known_by_revisions_of_the_same_storage() -> None:
    wish = aliased("1.4.0")
    of = storage_of(wish)
    records = {
        "a": Record((cnn("1.4.0"), cnn("1.3.0", None)), storage=of),
        "b": Record((cnn("1.5.0"),), storage={"uri": "s3://models", "secretName": "another"}),
        "c": Record((cnn("1.6.0"),)),
    }
    assert contents(wish, None, records) == {("cnn", "1.4.0"): digest("cnn", "1.4.0")}
    assert contents(wish, found(wish), records) == {}, "the command resolve takes what it finds"


def test_versions_differ() -> None:
    assert wanted(spec(V1)).revision != wanted(spec(V2)).revision


def test_a_changed_default_renames_no_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    # As the API server stored it, with the defaults of that day.
    stored = {
        "storage": {"uri": "s3://models"},
        "server": {"pool": "cpu", "env": [], "batching": {"maxSize": 32, "maxWait": "2ms"}},
    }
    before = name_of(**stored)
    models: tuple[type[BaseModel], ...] = (Batching, Storage, Server, ModelDeploymentSpec)
    defaults: tuple[tuple[type[BaseModel], str, object], ...] = (
        (Batching, "max_size", 64),
        (Batching, "max_wait", "9ms"),
        (Server, "pool", "standard"),
        (Storage, "secret_name", "minio"),
    )
    for changed, field, default in defaults:
        monkeypatch.setattr(changed.model_fields[field], "default", default)
    for model in models:
        model.model_rebuild(force=True)
    try:
        # A spec that leaves it out would get the new one; the stored one has the old.
        assert name_of(**stored | {"storage": {"uri": "s3://models", "secretName": None}}) == before
        assert before == BASE
    finally:
        monkeypatch.undo()
        for model in models:
            model.model_rebuild(force=True)


def test_every_optional_field_says_what_means_as_before() -> None:
    def optional(model: type[BaseModel], path: str) -> set[str]:
        found = set()
        for name, field in model.model_fields.items():
            inner = {a for a in (field.annotation, *get_args(field.annotation)) if is_model(a)}
            inner |= {b for a in get_args(field.annotation) for b in get_args(a) if is_model(b)}
            part = f"{path}.{name}{'[]' if get_origin(field.annotation) is list else ''}"
            found |= set() if field.is_required() else {f"{path}.{name}"}
            found |= {below for each in inner for below in optional(each, part)}
        return found

    def is_model(kind: Any) -> bool:
        return isinstance(kind, type) and issubclass(kind, BaseModel)

    parts: dict[str, type[BaseModel]] = {"models[]": ModelRef, "storage": Storage, "server": Server}
    assert {f for path, part in parts.items() for f in optional(part, path)} == set(_LEFT_OUT)
