"""Revisions: what makes one, how it is named, and what is kept of it.

A revision is named by a hash of what the user asked for (models with pinned versions, storage,
server), so that a new operator version or a changed default is no new revision. What it was
resolved to (image, pool, the whole pod template) is kept in a ControllerRevision.
"""

import hashlib
import json
from typing import Any, Final

from ...api.names import REVISION_LENGTH
from ...api.spec import ALIASES, ModelDeploymentSpec
from ...api.status import PinnedModel, Pins
from ..observed import Wanted

# What means the same as nothing, so that a field that is new, or a default that is spelled out,
# renames no revision. Constants, not the defaults of today's code: the API server has stored those
# of the day the resource was written, so when a default changes this table must not. A new field
# gets a line with the value that means "as before it was there".
_LEFT_OUT: Final[dict[str, Any]] = {
    "models[].intra_op_threads": None,
    "storage.secret_name": None,
    "server.image": None,
    "server.pool": "cpu",
    "server.resources": None,
    "server.resources.requests": None,
    "server.resources.limits": None,
    "server.env": [],
    "server.env[].value": None,
    "server.env[].value_from": None,
    "server.batching": {"max_size": 32, "max_wait": "2ms"},
    "server.batching.max_size": 32,
    "server.batching.max_wait": "2ms",
    "server.api_keys": None,
}


def content_key(spec: ModelDeploymentSpec) -> str:
    """Return a hash of what makes the revision as written, before aliases are resolved."""
    return _hash(_content(spec))


def needs_resolving(spec: ModelDeploymentSpec, pins: Pins | None) -> bool:
    """Tell whether an alias must be looked up: once for each change of what makes a revision."""
    has_alias = any(model.version in ALIASES for model in spec.models)
    return has_alias and (pins is None or pins.key != content_key(spec))


def wanted(spec: ModelDeploymentSpec, pins: Pins | None) -> Wanted:
    """Return the revision that the spec asks for.

    Raises:
        ValueError: an alias is not resolved yet (`needs_resolving`).
    """
    if needs_resolving(spec, pins):
        raise ValueError("an alias of the spec is not resolved yet")
    pinned = {model.name: model.version for model in pins.models} if pins else {}
    models = tuple(
        PinnedModel(
            name=model.name,
            version=pinned[model.name] if model.version in ALIASES else model.version,
        )
        for model in spec.models
    )
    content = _content(spec)
    for said, model in zip(content["models"], models, strict=True):
        said["version"] = model.version
    return Wanted(revision=_hash(content), models=models)


def _content(spec: ModelDeploymentSpec) -> dict[str, Any]:
    return {
        "models": _said([model.model_dump() for model in spec.models], "models"),
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
