"""ControllerRevisions as decisions see them: the models of each, its age, and why it was rejected.

The rejection stands on the record too, so that a lost status doesn't give a bad version another
try. Neighbours: `observe` reads, `execute` writes what `marked` returns.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...api import names
from ...api.status import PinnedModel
from ...core.objects.build import Object, Owner, controller_revision
from ...core.observed import Record
from ...core.times import epoch

ANNOTATION_REJECTED = f"{names.GROUP}/rejected"


def records(live: Mapping[tuple[str, str], Object]) -> dict[str, Record]:
    """Return revision → its record."""
    found = {}
    for (kind, _), obj in live.items():
        if kind == "ControllerRevision":
            data = obj.get("data") or {}
            found[_revision(obj)] = Record(
                models=_models(data.get("models") or []),
                created=epoch(obj["metadata"]["creationTimestamp"]),
                rejected=_rejected(obj),
                storage=data.get("storage") or {},
            )
    return found


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
