"""What a look has to tell the registry: pure, from the status as it was written.

Everything is read from what the status keeps, so that an operator that has just begun to lead tells
the same as the one before it would have, by the same ids. What the status keeps no more is left
open: a wrong version, or a wrong name, is worse than none.
Neighbours: `outbox` asks at each look and keeps what is new; `transit_registry` writes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from transit_registry.entry import UNKNOWN, Entry, Model

from ...api import names
from ...api.status import ModelDeploymentStatus, PinnedModel, Transition
from ...core.objects.build import Owner
from ...core.observed import Observed
from ...core.rules import changes
from ...core.times import epoch, rfc3339
from ..observing.authors import Author, author
from ..observing.observe import Snapshot
from .outbox import News
from .past import Past, evidence_of, identity

COMMAND = "Command"  # the event of a command, whatever comes of it

_STARTS = frozenset({changes.CREATED, changes.REPLACED, changes.ROLLOUT_STARTED})
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


def command(snapshot: Snapshot, status: ModelDeploymentStatus) -> str | None:
    """Return what is to be told beside the history: the last command."""
    return status.handled_action


def entries(environment: str, news: News) -> list[Entry]:
    """Return what is to be told: of the history what is new, and the command.

    Where a look has `witnessed` it, who owns the fields now is who caused it.
    """
    snapshot, status = news.snapshot, news.status
    place = Place(
        snapshot.owner,
        environment,
        author(snapshot.mdep, "spec"),
        author(snapshot.mdep, "action"),
    )
    past = Past(snapshot.observed, status)
    told = [
        _entry(place, past, status.history, number, news.witnessed)
        for number in range(news.known, len(status.history))
    ]
    if status.handled_action is not None and status.handled_action != news.beside:
        told.insert(0, _command(place, past, snapshot.observed, status))
    return told


def _entry(
    place: Place,
    past: Past,
    history: Sequence[Transition],
    number: int,
    witnessed: bool,
) -> Entry:
    transition = history[number]
    revision = transition.revision
    return Entry(
        id=identity(place.owner.uid, transition.time, transition.reason, transition.message),
        time=_moment(transition.time),
        environment=place.environment,
        namespace=place.owner.namespace,
        name=place.owner.name,
        event=transition.reason,
        by=_by(place, transition, witnessed),
        notes=transition.message,
        revision=revision,
        models=_models(past.models(revision)),
        before=_models(past.models(past.stable_before(number))),
        storage=past.storage(revision),
        started=_started(history[: number + 1], revision),
        ended=transition.reason in (changes.REJECTED, changes.ROLLED_BACK),
        evidence=tuple(evidence_of(transition)),
    )


def _command(place: Place, past: Past, observed: Observed, status: ModelDeploymentStatus) -> Entry:
    """Return a command that was handled, whatever came of it: that is told by what follows it."""
    action = status.handled_action or ""
    still = place.action_by if observed.action == action else None
    stable, candidate = observed.status.stable, observed.status.candidate
    revision = candidate.revision if candidate is not None else None
    return Entry(
        id=identity(place.owner.uid, COMMAND, action),
        time=_moment(rfc3339(min(still.time, observed.now) if still else observed.now)),
        environment=place.environment,
        namespace=place.owner.namespace,
        name=place.owner.name,
        event=COMMAND,
        by=still.manager if still else UNKNOWN,
        notes=action,
        revision=revision,
        models=_models(past.models(revision)),
        before=_models(past.models(stable.revision if stable is not None else None)),
        storage=past.storage(revision),
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


def _models(found: Sequence[PinnedModel]) -> tuple[Model, ...]:
    return tuple(Model(model.name, model.version, model.digest) for model in found)


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(epoch(text), UTC)
