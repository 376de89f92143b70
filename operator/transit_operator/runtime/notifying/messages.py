"""What a receiver is told of what has happened: pure, from the status as it was written.

What happened, why (the numbers), and the command to look further. A message has the id that the
registry has for the same transition, whoever tells it, and at each try.
Neighbours: `recording.outbox` asks at each look and keeps what is new; `delivery` sends it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...api.config.notifications import Receiver
from ...api.duration import human
from ...api.status import ModelDeploymentStatus, Phase, PinnedModel, Transition
from ...core.objects.build import Owner
from ...core.rules import changes
from ...core.times import epoch, rfc3339
from ...core.words.text import models_text
from ..observing.observe import Snapshot
from ..recording.outbox import News
from ..recording.past import Past, evidence_of, identity

BLIND = "Blind"  # no transition: a rollout that has stood without measurements for long
SHORT = 12  # digits of an id that people see

ToldAlready = Callable[[str, float], bool]  # by the id of a message, and when it happened

_TITLES = {
    changes.PROMOTED: "{} is promoted",
    changes.REJECTED: "{} is rejected",
    changes.ROLLED_BACK: "rolled back to {}",
    changes.ROLLBACK_STALLED: "the rollback to {} stalls",
    changes.PAUSED: "the rollout of {} is paused",
    changes.APPROVAL_NEEDED: "{} waits for approval",
    BLIND: "the rollout of {} stands still, it has no measurements",
}
_TONES = {
    changes.PROMOTED: "success",
    changes.REJECTED: "failure",
    changes.ROLLBACK_STALLED: "failure",
    changes.PAUSED: "warning",
    changes.APPROVAL_NEEDED: "warning",
    BLIND: "warning",
}


@dataclass(frozen=True)
class Message:
    """One thing told to one receiver. `data` is for programs, title and text are for people.

    `tone` is one of success, failure, warning and info, as Apprise has them.
    """

    id: str
    time: str
    reason: str
    owner: Owner
    tone: str
    title: str
    text: str
    data: dict[str, Any]

    @property
    def at(self) -> float:
        """When it happened, in seconds since the epoch."""
        return epoch(self.time)


def blindness(after: float, snapshot: Snapshot, status: ModelDeploymentStatus) -> str | None:
    """Return which blindness is to be told: of a revision, since when; None where it isn't long."""
    candidate = status.candidate
    if candidate is None or candidate.blind_since is None:
        return None
    if snapshot.observed.now - epoch(candidate.blind_since) < after:
        return None
    return f"{candidate.revision} {candidate.blind_since}"


def messages(
    receiver: Receiver, environment: str, after: float, told: ToldAlready, news: News
) -> list[Message]:
    """Return what a receiver is told of the news; `after` seconds without data are Blind."""
    snapshot, status = news.snapshot, news.status
    if receiver.namespaces and snapshot.owner.namespace not in receiver.namespaces:
        return []
    uid, history = snapshot.owner.uid, status.history
    new = [
        number
        for number in range(news.known, len(history))
        if history[number].reason in receiver.reasons
        and not told(_id(uid, history[number]), epoch(history[number].time))
    ]
    blind = blindness(after, snapshot, status) if BLIND in receiver.reasons else None
    if not new and blind in (None, news.beside):
        return []
    happened = _Happened(environment, snapshot, status)
    found = [happened.message(number, news.witnessed) for number in new]
    if blind is not None and blind != news.beside:
        message = happened.blind(after, blind)
        found += [] if told(message.id, message.at) else [message]
    return found


def _id(uid: str, transition: Transition) -> str:
    return identity(uid, transition.time, transition.reason, transition.message)


class _Happened:
    """What one ModelDeployment's messages are made of."""

    def __init__(self, environment: str, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        self._environment = environment
        self._snapshot = snapshot
        self._status = status
        self._past = Past(snapshot.observed, status)

    def message(self, number: int, witnessed: bool) -> Message:
        """Return what is told of a transition of the history."""
        owner, transition = self._snapshot.owner, self._status.history[number]
        before = self._past.stable_before(number)
        return self._message(
            _id(owner.uid, transition),
            transition,
            [transition.message, *self._why(number, witnessed)],
            {
                "before": _plain(self._past.models(before)),
                "evidence": evidence_of(transition),
            },
        )

    def blind(self, after: float, which: str) -> Message:
        """Return what is told of a rollout that has been blind for `after` seconds."""
        revision, _, since = which.partition(" ")
        available = next((c for c in self._status.conditions if c.type == "MetricsAvailable"), None)
        why = [available.message] if available is not None and available.message else []
        transition = Transition(
            time=rfc3339(epoch(since) + after),
            reason=BLIND,
            message=f"no measurements for {human(after)}, the clock of its step stands still",
            phase=self._status.phase or Phase.PROGRESSING,
            revision=revision,
            weight=self._status.weight,
        )
        owner = self._snapshot.owner
        return self._message(
            identity(owner.uid, since, BLIND, revision),
            transition,
            [transition.message, *why],
            {"since": since, "why": why},
        )

    def _why(self, number: int, witnessed: bool) -> list[str]:
        """Return what says more than the transition's own words, which have a failure's numbers."""
        history = self._status.history
        if history[number].reason == changes.ROLLED_BACK:
            rejections = [t for t in history[:number] if t.reason == changes.REJECTED]
            return [rejections[-1].message] if rejections else []
        if history[number].reason == changes.PROMOTED and witnessed:
            # Kept until this look only: a leader that tells it later tells it without.
            judged = self._snapshot.observed.status.signals
            return [f"{one.signal}: {one.message}" for one in judged if one.value is not None]
        return []

    def _paused(self, transition: Transition) -> str | None:
        """Return the candidate of a pause by command, which names none, while it is the latest."""
        candidate, latest = self._status.candidate, self._status.history[-1:]
        return candidate.revision if candidate is not None and latest == [transition] else None

    def _message(
        self, id: str, transition: Transition, why: list[str], more: dict[str, Any]
    ) -> Message:
        owner, reason = self._snapshot.owner, transition.reason
        models = self._past.models(transition.revision or self._paused(transition))
        title = _TITLES.get(reason, f"{reason} {{}}" if models else reason)
        environment = f"[{self._environment}] " if self._environment else ""
        look = f"transit why {owner.name} -n {owner.namespace}"
        tone = _TONES.get(reason, "warning" if reason in changes.WARNINGS else "info")
        data = {
            "namespace": owner.namespace,
            "name": owner.name,
            "uid": owner.uid,
            "environment": self._environment,
            "reason": reason,
            "message": transition.message,
            "phase": transition.phase,
            "revision": transition.revision,
            "models": _plain(models),
            "weight": transition.weight,
            "command": look,
        }
        return Message(
            id=id,
            time=transition.time,
            reason=reason,
            owner=owner,
            tone=tone,
            title=environment
            + f"{owner.namespace}/{owner.name}: "
            + title.format(models_text(models) or "a version"),
            text="\n".join([*why, "", f"More: {look}", f"{transition.time}  {id[:SHORT]}"]),
            data=data | more,
        )


def _plain(models: Sequence[PinnedModel]) -> list[dict[str, Any]]:
    return [model.model_dump(mode="json", by_alias=True) for model in models]
