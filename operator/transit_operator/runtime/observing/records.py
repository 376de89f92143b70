"""ControllerRevisions as decisions see them: the models of each, its age, and why it was rejected.

The rejection stands on the record too, so that a lost status doesn't give a bad version another
try. Where a record is gone, the Deployment that lives has its models. A revision that runs is as
old as its Deployment, which tells who was there first: a record may have been written again, and a
version that is tried again has one from its first life. Neighbours: `observe` reads, `execute`
writes what `marked` returns.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...api import names
from ...api.pod_template import CONTAINER
from ...api.status import PinnedModel
from ...core.objects.build import Object, Owner, controller_revision
from ...core.observed import Record
from ...core.times import epoch

ANNOTATION_REJECTED = f"{names.GROUP}/rejected"


def records(live: Mapping[tuple[str, str], Object]) -> dict[str, Record]:
    """Return revision → its record."""
    found = {
        _revision(obj): Record(
            models=_models(models_run(obj["spec"]["template"])),
            created=epoch(obj["metadata"]["creationTimestamp"]),
        )
        for (kind, _), obj in live.items()
        if kind == "Deployment" and _revision(obj)
    }
    for (kind, _), obj in live.items():
        if kind == "ControllerRevision":
            data, running = obj.get("data") or {}, found.get(_revision(obj))
            created = epoch(obj["metadata"]["creationTimestamp"])
            found[_revision(obj)] = Record(
                models=_models(data.get("models") or []),
                created=running.created if running is not None else created,
                rejected=_rejected(obj),
                storage=data.get("storage") or {},
            )
    return found


def models_run(template: Object) -> list[Any]:
    """Return the models that a pod template serves, as its server is told; none if that is unread.

    Somebody may have edited the Deployment: then its record says what it is.
    """
    for container in template["spec"]["containers"]:
        for variable in container.get("env") or []:
            if container["name"] == CONTAINER and variable["name"] == "TRANSIT_MODELS":
                try:
                    found = json.loads(variable.get("value") or "")
                except ValueError:
                    return []
                return found if isinstance(found, list) else []
    return []


def marked(
    owner: Owner, live: Mapping[tuple[str, str], Object], rejected: Mapping[str, str]
) -> list[Object]:
    """Return the records whose mark isn't as `rejected` (revision → reason) says, as they shall be.

    An empty mark, not none, takes one back: what isn't named in a write is not compared.
    """
    found = []
    for (kind, _), obj in live.items():
        revision = _revision(obj) if kind == "ControllerRevision" else ""
        if revision and _rejected(obj) != rejected.get(revision, ""):
            record = controller_revision(owner, revision, obj["data"])
            reason = rejected.get(revision, "")
            record["metadata"]["annotations"] = {ANNOTATION_REJECTED: reason}
            found.append(record)
    return found


def _models(said: list[Any]) -> tuple[PinnedModel, ...]:
    """Return the models of a record; none of one that a newer version has written otherwise."""
    try:
        return tuple(PinnedModel.model_validate(model) for model in said)
    except ValidationError:
        return ()


def _rejected(obj: Object) -> str:
    found: str = (obj["metadata"].get("annotations") or {}).get(ANNOTATION_REJECTED, "")
    return found


def _revision(obj: Object) -> str:
    found: str = (obj["metadata"].get("labels") or {}).get(names.LABEL_REVISION, "")
    return found
