"""What makes a new revision, and what doesn't."""

import re
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from tests.unit.scenes import V1, V2
from tests.unit.world import spec
from transit_operator.api.server import Batching, Server, Storage
from transit_operator.api.spec import ModelDeploymentSpec, ModelRef
from transit_operator.api.status import PinnedModel, Pins
from transit_operator.core.objects.revision import (
    _LEFT_OUT,
    content_key,
    needs_resolving,
    wanted,
)

MODELS = [{"name": "cnn", "version": "1.1.0"}, {"name": "xgb", "version": "1.0.0"}]
SERVER = {
    "image": "registry/server:1",
    "pool": "gpu",
    "resources": {"limits": {"nvidia.com/gpu": 1}},
    "env": [{"name": "A", "value": "1"}],
    "batching": {"maxSize": 8, "maxWait": "5ms"},
}


def name_of(**overrides: Any) -> str:
    return wanted(spec(**({"models": MODELS} | overrides)), None).revision


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
    assert wanted(spec(V1), None).revision == "568639dde8"


def aliased(version: str = "stable", **overrides: Any) -> Any:
    return spec(models=[{"name": "cnn", "version": version}], **overrides)


def pins(key: str, version: str) -> Pins:
    return Pins(key=key, models=[PinnedModel(name="cnn", version=version)])


def test_an_alias_is_resolved_once_and_pinned() -> None:
    wish = aliased()
    assert needs_resolving(wish, None)
    resolved = pins(content_key(wish), "1.4.0")
    assert not needs_resolving(wish, resolved)
    target = wanted(wish, resolved)
    assert target.models == (PinnedModel(name="cnn", version="1.4.0"),)
    assert target.revision == wanted(aliased("1.4.0"), None).revision


def test_an_alias_that_is_not_resolved_has_no_revision() -> None:
    with pytest.raises(ValueError, match="not resolved"):
        wanted(aliased(), None)


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        pytest.param(aliased(replicas=9), False, id="a change of replicas asks nobody"),
        pytest.param(aliased(rollout={"onFailure": "Pause"}), False, id="nor one of the rollout"),
        pytest.param(aliased("latest"), True, id="another alias is looked up"),
        pytest.param(aliased(server={"pool": "gpu"}), True, id="so is a new revision"),
        pytest.param(aliased("1.4.0"), False, id="a version needs no look-up"),
    ],
)
def test_when_an_alias_is_looked_up_again(changed: Any, again: bool) -> None:
    assert needs_resolving(changed, pins(content_key(aliased()), "1.4.0")) is again


def test_versions_differ() -> None:
    assert wanted(spec(V1), None).revision != wanted(spec(V2), None).revision


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
