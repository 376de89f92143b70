"""The rollouts that the history tells of: from the start over the steps to the end of each.

The history has the last 20 transitions, so the oldest rollout may lack its beginning.
"""

from collections.abc import Sequence
from typing import Any

from ..status.reading import models_text
from ..status.shown import Event, Value
from ..status.times import epoch

Object = dict[str, Any]
STARTED = ("RolloutStarted", "Retried")
ENDED = ("Rejected", "Promoted", "Superseded", "Reverted")


class Step(Value):
    """A weight that was given, and when, in epoch seconds."""

    at: float
    weight: int


class Timeline(Value):
    """One rollout. `end` is how it ended: a reason of the history; None while it goes on."""

    revision: str
    models: str = ""
    stable: str | None = None
    started: float | None = None
    steps: tuple[Step, ...] = ()
    ended: float | None = None
    end: str | None = None
    message: str = ""
    evidence: Object | None = None
    events: tuple[Event, ...] = ()


def timelines(mdep: Object) -> list[Timeline]:
    """Return the rollouts of the history, the oldest first; the last may still go on."""
    status = mdep.get("status") or {}
    found: list[Timeline] = []
    for transition in status.get("history") or []:
        revision, at = transition.get("revision"), epoch(transition.get("time"))
        reason = transition.get("reason", "")
        if not revision or at is None:
            continue
        last = found[-1] if found else None
        goes_on = last is not None and last.revision == revision and last.end is None
        again = goes_on and last is not None and not last.steps  # Retried, then RolloutStarted
        if (reason in STARTED and not again) or (reason in (*ENDED, "StepReached") and not goes_on):
            started = at if reason in STARTED else None
            if reason in ENDED and reason != "Rejected" and not goes_on:
                continue  # the end of something of which nothing else is known
            found.append(Timeline(revision=revision, started=started))
            goes_on = True
        if goes_on:
            found[-1] = _with(found[-1], transition, at)
    return [_named(one, status) for one in found]


def _with(one: Timeline, transition: Object, at: float) -> Timeline:
    reason = transition["reason"]
    event = Event.model_validate({k: v for k, v in transition.items() if k != "evidence"})
    changes: Object = {"events": (*one.events, event)}
    if reason == "StepReached":
        changes["steps"] = (*one.steps, Step(at=at, weight=transition.get("weight") or 0))
    if reason in ENDED:
        evidence: Sequence[Object] = transition.get("evidence") or []
        changes |= {"ended": at, "end": reason, "message": transition.get("message", "")}
        changes["evidence"] = evidence[0] if evidence else None
    return one.model_copy(update=changes)


def _named(one: Timeline, status: Object) -> Timeline:
    """Add what the status knows of it: its models, and the stable beside it."""
    known = {
        part["revision"]: models_text(part.get("models", []))
        for key in ("stable", "candidate", "previous", "rejected")
        if (part := status.get(key))
    }
    models = known.get(one.revision, "")
    if not models and one.events and one.events[0].reason == "RolloutStarted":
        models = one.events[0].message.removeprefix("rollout of ").partition(", which was")[0]
    stable = (status.get("stable") or {}).get("revision")
    if stable == one.revision:
        stable = (status.get("previous") or {}).get("revision")
    return one.model_copy(update={"models": models, "stable": stable})


def chosen(found: Sequence[Timeline], wanted: str) -> Timeline | None:
    """Return the last rollout of a revision, named by its hash's beginning or by a version."""
    for one in reversed(found):
        versions = [model.partition(" ")[2] for model in one.models.split(", ")]
        if one.revision.startswith(wanted) or wanted in versions or wanted == one.models:
            return one
    return None
