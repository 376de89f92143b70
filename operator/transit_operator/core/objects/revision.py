"""Revisions: what makes one, how it is named, and what is kept of it.

A revision is named by a hash of what the user asked for (models with pinned versions and the
digests of their content, storage, server), so that a new operator version or a changed default is
no new revision. What it was resolved to (image, pool, the whole pod template) is kept in a
ControllerRevision. `resolver` finds versions and digests out; what is known already is not looked
up again (docs/decisions/0053-a-version-is-its-content.md).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ...api.names import REVISION_LENGTH
from ...api.spec import ModelDeploymentSpec, ModelRef, is_alias
from ...api.status import ModelDeploymentStatus, PinnedModel, Pins
from ..observed import Record, Wanted

Known = Mapping[str, tuple[PinnedModel, ...]]  # revision → its models

# What means the same as nothing, so that a field that is new, or a default that is spelled out,
# renames no revision. Constants, not the defaults of today's code: the API server has stored those
# of the day the resource was written, so when a default changes this table must not. A new field
# gets a line with the value that means "as before it was there".
_LEFT_OUT: Final[dict[str, Any]] = {
    "models[].follow": None,  # nor does any other value make a revision: see `_content`
    "models[].intra_op_threads": None,
    "storage.secret_name": None,
    "storage.verify": "Checksum",
    "server.image": None,
    "server.pool": "cpu",
    "server.resources": None,
    "server.resources.requests": None,
    "server.resources.limits": None,
    "server.env": [],
    "server.env[].value": None,
    "server.env[].value_from": None,
    "server.pod_template": {},
    "server.batching": {"max_size": 32, "max_wait": "2ms"},
    "server.batching.max_size": 32,
    "server.batching.max_wait": "2ms",
    "server.api_keys": None,
    "server.prediction_log": None,
    "server.prediction_log.share": 1.0,
    "server.prediction_log.features": "Omit",
    "server.prediction_log.columns": {},
    "server.answer_cache": None,
    "server.answer_cache.ttl": "5m",
    "server.answer_cache.largest": "16Ki",
    "server.answer_cache.wait": "5ms",
}


def content_key(spec: ModelDeploymentSpec) -> str:
    """Return a hash of what makes the revision as written, before versions are looked up."""
    return _hash(_content(spec))


def known_revisions(status: ModelDeploymentStatus, records: Mapping[str, Record]) -> Known:
    """Return the revisions that there are, the youngest first."""
    by_age = sorted(records, key=lambda name: records[name].created, reverse=True)
    said = (status.candidate, status.stable, status.previous, status.rejected)
    return {r.revision: tuple(r.models) for r in said if r is not None} | {
        name: records[name].models for name in by_age
    }


def contents(
    spec: ModelDeploymentSpec, pins: Pins | None, records: Mapping[str, Record]
) -> dict[tuple[str, str], str]:
    """Return (model, version) → digest, as far as revisions of the same storage have it.

    A version with another digest was replaced. Empty where a person has asked for another look:
    whatever is found then is meant.
    """
    if pins is not None and pins.key == content_key(spec) and not pins.models:
        return {}
    storage = storage_of(spec)
    return {
        (model.name, model.version): model.digest
        for record in sorted(records.values(), key=lambda record: record.created)
        if record.storage == storage
        for model in record.models
        if model.digest is not None
    }


def storage_of(spec: ModelDeploymentSpec) -> dict[str, Any]:
    """Return where the models are from, as it is kept in a revision's record."""
    where = {"uri", "secret_name"}
    return spec.storage.model_dump(mode="json", by_alias=True, exclude_none=True, include=where)


def asked(spec: ModelDeploymentSpec, pins: Pins | None, known: Known) -> Wanted | None:
    """Return the revision that the spec asks for; None: its versions must be looked up first.

    A revision from before there were digests stays as it is, by its old name: an upgrade of the
    operator restarts no pod. What the spec asks for and is there already, such as the stable when a
    change is taken back, is found at once by its own digests, and no look-up is waited for.
    """
    ours = pins if pins is not None and pins.key == content_key(spec) else None
    found = {model.name: model for model in ours.models} if ours is not None else {}
    models = [found.get(model.name) or _as_written(model) for model in spec.models]
    versions = [model for model in models if model is not None]
    if len(versions) < len(models):
        return None
    old = revision_of(spec, [model.model_copy(update={"digest": None}) for model in versions])
    if old.revision in known:
        return old
    if len(found) == len(models):
        return revision_of(spec, versions)
    if ours is None:
        return next(_asked_of(spec, known), None)
    return None


def surely_new(spec: ModelDeploymentSpec, pins: Pins | None, known: Known) -> bool:
    """Tell whether the spec asks for a revision that there is none of yet, whatever is found."""
    aliases = any(is_alias(model.version) for model in spec.models)
    ours = pins is not None and pins.key == content_key(spec)
    return not aliases and not ours and asked(spec, pins, known) is None


def revision_of(spec: ModelDeploymentSpec, models: Iterable[PinnedModel]) -> Wanted:
    """Return the revision of these models, which are the spec's in its order."""
    pinned = tuple(models)
    content = _content(spec)
    for said, model in zip(content["models"], pinned, strict=True):
        said["version"] = model.version
        if model.digest is not None:
            said["digest"] = model.digest
    return Wanted(revision=_hash(content), models=pinned)


def _as_written(model: ModelRef) -> PinnedModel | None:
    if is_alias(model.version):
        return None
    return PinnedModel(name=model.name, version=model.version)


def _asked_of(spec: ModelDeploymentSpec, known: Known) -> Iterator[Wanted]:
    """Yield the known revisions that the spec asks for: those whose digests make their name."""
    versions = [(model.name, model.version) for model in spec.models]
    for revision, models in known.items():
        if [(model.name, model.version) for model in models] == versions:
            wanted = revision_of(spec, models)
            if wanted.revision == revision:
                yield wanted


def _content(spec: ModelDeploymentSpec) -> dict[str, Any]:
    return {
        "models": _said([model.model_dump(exclude={"follow"}) for model in spec.models], "models"),
        "default": spec.default or spec.models[0].name,
        "storage": _said(spec.storage.model_dump(), "storage"),
        "server": _said(spec.server.model_dump(), "server"),
    }


def _said(value: Any, path: str) -> Any:
    """Return a part of the spec without what `_LEFT_OUT` leaves out."""
    if isinstance(value, list):
        return [_said(item, f"{path}[]") for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _said(inner, f"{path}.{key}")
        for key, inner in value.items()
        if (f"{path}.{key}", inner) not in _LEFT_OUT.items()
    }


def _hash(content: dict[str, Any]) -> str:
    # A Service's name ends with it, so it is hexadecimal: a valid end of a DNS label.
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:REVISION_LENGTH]
