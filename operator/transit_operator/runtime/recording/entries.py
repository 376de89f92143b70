"""What a look has to tell the registry: pure, from the status as it was written.

Everything is read from what the status keeps, so that an operator that has just begun to lead tells
the same as the one before it would have, by the same ids. What the status keeps no more is left
open: a wrong version, or a wrong name, is worse than none.
Neighbours: `outbox` asks at each look and keeps what is new; `transit_registry` writes it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transit_registry.entry import UNKNOWN, Entry, Model

from ...api import names
from ...api.status import ModelDeploymentStatus, PinnedModel, Transition
from ...core.objects.build import Owner
from ...core.observed import Observed
from ...core.rules import changes
from ...core.times import epoch, rfc3339
from ..observing.authors import Author

COMMAND = "Command"  # the event of a command, whatever comes of it

_STARTS = frozenset({changes.CREATED, changes.REPLACED, changes.ROLLOUT_STARTED})
_BECOMES_STABLE = frozenset({changes.PROMOTED, changes.HEALTHY, changes.RECOVERED})
# Those of the spec's author, whose will they are; else the operator acts by its own judgement.
_BY_SPEC = _STARTS | {changes.PROMOTED, changes.HEALTHY, changes.SUPERSEDED, changes.REVERTED}
_BY_COMMAND = frozenset(
    {changes.RESUMED, changes.RETRIED, changes.RESOLVING, changes.HURRIED, changes.COMMAND_IGNORED}
)


@dataclass(frozen=True)
class Place:
    """The ModelDeployment, and who wrote what of it. `environment` is of the whole operator."""

    owner: Owner
    environment: str
    spec_by: Author | None
    action_by: Author | None


def entries(
    place: Place,
    observed: Observed,
    status: ModelDeploymentStatus,
    known: int,
    last_action: str | None,
    witnessed: bool,
) -> list[Entry]:
    """Return what is to be told: of the history all but the first `known`, and the command.

    `last_action` was told already. `witnessed`: it happened in this look, so who owns the fields
    now is who caused it.
    """
    revisions = _Revisions(observed, status)
    told = [
        _entry(place, revisions, status.history, number, witnessed)
        for number in range(known, len(status.history))
    ]
    if status.handled_action is not None and status.handled_action != last_action:
        told.insert(0, _command(place, revisions, observed, status))
    return told


class _Revisions:
    """What the status and the records in the cluster know of revisions."""

    def __init__(self, observed: Observed, status: ModelDeploymentStatus) -> None:
        self._status = status
        self._models: dict[str, Sequence[PinnedModel]] = {
            name: record.models for name, record in observed.records.items()
        }
        self._storages = {
            name: str(record.storage.get("uri") or "") for name, record in observed.records.items()
        }
        for known in (observed.status, status):
            for one in (known.rejected, known.previous, known.stable, known.candidate):
                if one is not None and one.models:
                    self._models[one.revision] = one.models
        self._wanted = observed.spec.storage.uri if observed.spec is not None else ""

    def models(self, revision: str | None) -> tuple[Model, ...]:
        found = self._models.get(revision or "", ())
        return tuple(Model(model.name, model.version, model.digest) for model in found)

    def storage(self, revision: str | None) -> str:
        """Return where its models are from; the spec says it of one that has no record yet."""
        return self._storages.get(revision or "") or self._wanted

    def stable_before(self, number: int) -> str | None:
        """Return the stable revision right before a transition of the history, if that is sure."""
        chain = [one.revision for one in (self._status.stable, self._status.previous) if one]
        for transition in reversed(self._status.history[number:]):
            if transition.reason == changes.PROMOTED:
                if not chain or chain.pop(0) != transition.revision:
                    return None
            elif transition.reason in _BECOMES_STABLE or transition.reason in _FIRSTS:
                return None  # there was none, or nobody knows
        return chain[0] if chain else None


_FIRSTS = frozenset({changes.CREATED, changes.REPLACED})


def _entry(
    place: Place,
    revisions: _Revisions,
    history: Sequence[Transition],
    number: int,
    witnessed: bool,
) -> Entry:
    transition = history[number]
    revision = transition.revision
    identity = (place.owner.uid, transition.time, transition.reason, transition.message)
    return Entry(
        id=_id(*identity),
        time=_moment(transition.time),
        environment=place.environment,
        namespace=place.owner.namespace,
        name=place.owner.name,
        event=transition.reason,
        by=_by(place, transition, witnessed),
        notes=transition.message,
        revision=revision,
        models=revisions.models(revision),
        before=revisions.models(revisions.stable_before(number)),
        storage=revisions.storage(revision),
        started=_started(history[: number + 1], revision),
        ended=transition.reason in (changes.REJECTED, changes.ROLLED_BACK),
        evidence=tuple(_plain(transition)),
    )


def _command(
    place: Place, revisions: _Revisions, observed: Observed, status: ModelDeploymentStatus
) -> Entry:
    """Return a command that was handled, whatever came of it: that is told by what follows it."""
    action = status.handled_action or ""
    still = place.action_by if observed.action == action else None
    stable, candidate = observed.status.stable, observed.status.candidate
    revision = candidate.revision if candidate is not None else None
    return Entry(
        id=_id(place.owner.uid, COMMAND, action),
        time=_moment(rfc3339(min(still.time, observed.now) if still else observed.now)),
        environment=place.environment,
        namespace=place.owner.namespace,
        name=place.owner.name,
        event=COMMAND,
        by=still.manager if still else UNKNOWN,
        notes=action,
        revision=revision,
        models=revisions.models(revision),
        before=revisions.models(stable.revision if stable is not None else None),
        storage=revisions.storage(revision),
    )


def _by(place: Place, transition: Transition, witnessed: bool) -> str:
    """Return who caused it. Fields that were written since may have been another's at the time."""
    if transition.reason in _BY_SPEC:
        author = place.spec_by
    elif transition.reason in _BY_COMMAND or transition.message.endswith(changes.BY_COMMAND):
        author = place.action_by
    else:
        return names.FIELD_MANAGER
    if author is None or (not witnessed and author.time > epoch(transition.time)):
        return UNKNOWN
    return author.manager


def _started(history: Iterable[Transition], revision: str | None) -> datetime | None:
    """Return when the latest rollout of a revision began, as far as the history goes back."""
    times = [t.time for t in history if t.reason in _STARTS and t.revision == revision]
    return _moment(times[-1]) if times and revision is not None else None


def _plain(transition: Transition) -> Iterator[dict[str, Any]]:
    for evidence in transition.evidence:
        # By way of text, in which a number that JSON hasn't is null.
        yield json.loads(evidence.model_dump_json(by_alias=True, exclude_none=True))


def _id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(epoch(text), UTC)
