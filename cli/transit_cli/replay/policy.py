"""The policy that is tried: the rollout's own, with what a file or a sweep changes in it."""

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from transit_operator.api.spec import ModelDeploymentSpec

Object = dict[str, Any]
_VALUES = 10  # of a sweep, where nothing is said
_MOST = 1000


class NotAPolicy(Exception):
    """What was given is no policy; the text says why."""


def changes_of(file: Path) -> Object:
    """Return what a file says of `rollout`: a ModelDeployment, or `rollout:` or `analysis:` alone.

    Raises: NotAPolicy.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotAPolicy(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise NotAPolicy(f"{file} is no YAML: {error}") from error
    if not isinstance(found, dict):
        raise NotAPolicy(f"{file} is no policy: give a ModelDeployment, or rollout: or analysis:")
    spec = found.get("spec") or found
    rollout = spec.get("rollout") if isinstance(spec, dict) else None
    if rollout is None and "analysis" in found:
        rollout = {"analysis": found["analysis"]}
    if not isinstance(rollout, dict):
        raise NotAPolicy(f"{file} says nothing of rollout or analysis")
    return rollout


def spec_with(spec: Object, rollout: Object) -> ModelDeploymentSpec:
    """Return a spec whose rollout is changed. Raises: NotAPolicy."""
    whole = copy.deepcopy(spec)
    whole["rollout"] = _merged(whole.get("rollout") or {}, rollout)
    try:
        return ModelDeploymentSpec.model_validate(whole)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise NotAPolicy(f"spec.{path}: {first['msg']}") from error


def _merged(base: Object, changes: Object) -> Object:
    """Return both, the changes on top; lists are replaced as a whole."""
    found = dict(base)
    for key, value in changes.items():
        old = found.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        found[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return found


def swept(text: str) -> Iterator[tuple[str, Object]]:
    """Yield each value of `errorRate.max=0.01:0.10` (or `…:20` for twenty), and its changes.

    Raises: NotAPolicy.
    """
    path, equals, span = text.partition("=")
    parts = span.split(":")
    try:
        low, high = float(parts[0]), float(parts[1])
        count = int(parts[2]) if len(parts) > 2 else _VALUES
    except (ValueError, IndexError) as error:
        hint = "--sweep errorRate.max=0.01:0.10, or …:0.10:20 for twenty values"
        raise NotAPolicy(f"{text!r} is no sweep: {hint}") from error
    if not path or not equals or count < 2 or not math.isfinite(high - low):
        raise NotAPolicy(f"{text!r} is no sweep of two values or more")
    if count > _MOST:
        raise NotAPolicy(f"{text!r}: a sweep has at most {_MOST} values")
    for number in range(count):
        value: float = float(f"{low + (high - low) * number / (count - 1):.6g}")
        typed: float | int = int(value) if value == int(value) and "." not in span else value
        changes: Object = {path.rpartition(".")[2]: typed}
        for key in reversed(path.split(".")[:-1]):
            changes = {key: changes}
        yield f"{typed:g}", {"analysis": changes}
