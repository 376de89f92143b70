"""A status as it stands on the cluster, of whatever version of the operator."""

import copy
from typing import Any

from pydantic import ValidationError

from .model_deployment import ModelDeploymentStatus
from .words import RejectReason


def read_status(raw: dict[str, Any]) -> ModelDeploymentStatus:
    """Return a status as far as it is understood: one of a newer version may have other values.

    What can't be read is left out, from the innermost optional part on; what of it a decision needs
    is rebuilt from the cluster.
    """
    understood = raw
    while True:
        try:
            return ModelDeploymentStatus.model_validate(understood)
        except ValidationError as error:
            if understood is raw:  # only now: copying takes longer than reading
                understood = copy.deepcopy(raw)
            path = list(error.errors()[0]["loc"])
            if path == ["rejected", "reason"]:  # it stays rejected, for whatever reason
                understood["rejected"]["reason"] = RejectReason.ABORTED
            else:
                _leave_out(understood, path)


def _leave_out(raw: dict[str, Any], path: list[str | int]) -> None:
    """Remove what a wrong value is in: an element of a list, a part of an object, or all of it."""
    top = str(path[0])
    inside, part = raw.get(top), path[1] if len(path) > 1 else None
    if isinstance(inside, list) and isinstance(part, int):
        del inside[part]
    elif isinstance(inside, dict):
        if inside.pop(str(part), None) is None:  # it is missing, and needed
            del raw[top]
    else:
        del raw[top]
