"""Kubernetes Events of what happened: once each, named by their content.

Neighbours: `execute` creates them last, whatever became of the writes before.
"""

import hashlib
from dataclasses import dataclass

from ...api import names
from ...api.status import ModelDeploymentStatus, Transition
from ...core.decision import Decision
from ...core.objects.build import Object
from ...core.rules import changes
from ...core.times import epoch
from ..observing.observe import Snapshot

RECENT_SECONDS = 120.0  # longer than it takes another operator to go on


@dataclass(frozen=True)
class Told:
    """What an Event says. `time` is RFC 3339."""

    time: str
    reason: str
    message: str
    warning: bool


class Events:
    """Says what is to be told after a look."""

    def __init__(self) -> None:
        self._known: set[str] = set()  # uids of ModelDeployments that this operator has looked at

    def of(self, snapshot: Snapshot, decision: Decision) -> list[Object]:
        """Return the Events of a look, oldest first."""
        happened = [*self._untold(snapshot), *decision.transitions]
        told = [_of_transition(transition) for transition in happened]
        told += _of_route(snapshot.observed.status, decision.status)
        return [_event(snapshot, what) for what in told]

    def _untold(self, snapshot: Snapshot) -> list[Transition]:
        """Return what an operator that ended meanwhile may not have told any more.

        Told twice it is still one Event, whose name comes from what happened.
        """
        owner, observed = snapshot.owner, snapshot.observed
        if owner.uid in self._known:
            return []
        self._known.add(owner.uid)
        return [t for t in observed.status.history if observed.now - epoch(t.time) < RECENT_SECONDS]


def _of_transition(transition: Transition) -> Told:
    warning = transition.reason in changes.WARNINGS
    return Told(transition.time, transition.reason, transition.message, warning)


def _of_route(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> list[Told]:
    """Warn when the route stops being carried by any Gateway. That is no step of a rollout."""
    was, now = (
        next((c for c in status.conditions if c.type == "RouteAccepted"), None)
        for status in (before, after)
    )
    if now is None or now.status != "False" or (was is not None and was.status == "False"):
        return []
    return [Told(now.last_transition_time, now.reason, now.message, warning=True)]


def _event(snapshot: Snapshot, told: Told) -> Object:
    owner = snapshot.owner
    content = f"{owner.uid}{told.time}{told.reason}{told.message}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{owner.name}.{digest}", "namespace": owner.namespace},
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "namespace": owner.namespace,
            "name": owner.name,
            "uid": owner.uid,
        },
        "type": "Warning" if told.warning else "Normal",
        "reason": told.reason,
        "message": told.message[:1000],
        "source": {"component": names.FIELD_MANAGER},
        "firstTimestamp": _seconds(told.time),
        "lastTimestamp": _seconds(told.time),
        "count": 1,
    }


def _seconds(time: str) -> str:
    # metav1.Time has whole seconds, unlike the status.
    return time.partition(".")[0].rstrip("Z") + "Z"
