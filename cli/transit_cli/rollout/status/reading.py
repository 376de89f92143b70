"""A ModelDeployment and its pods, as the API server sends them, to what is shown.

Neighbours: `shown` has the values, `signals` the numbers of each signal, `pods` the pods.
"""

import re
from collections.abc import Sequence
from typing import Any

from .pods import read_pod
from .shown import Condition, Event, Pod, Rejection, Revision, Role, Shown, Step
from .signals import read_signal
from .times import epoch, seconds

Object = dict[str, Any]
REVISION = "transit.dev/revision"
_HELD = re.compile(r"step \d+ of \d+: \d+ % held ")
_LONGEST_GAP = 1.5  # intervals, that count of the time since the last evaluation

# Conditions, and the status in which there is nothing to say of them.
_GOOD = {
    "Accepted": ("True",),
    "Available": ("True",),
    "MetricsAvailable": ("True", "Unknown"),
    "RouteAccepted": ("True", "Unknown"),
    "ScalingActive": ("True", "Unknown"),
    "WeightReached": ("True", "Unknown"),
}


def read(mdep: Object, pods: Sequence[Object] = (), now: float | None = None) -> Shown:
    """Return what is shown. `now`, in epoch seconds, lets the clock of a step go on."""
    meta, status = mdep["metadata"], mdep.get("status") or {}
    rejected = status.get("rejected")
    return Shown(
        namespace=meta["namespace"],
        name=meta["name"],
        created=meta.get("creationTimestamp"),
        phase=status.get("phase") or "Unknown",
        message=status.get("message") or "the operator has not looked at it yet",
        weight=status.get("weight"),
        revisions=tuple(_revisions(status, pods)),
        step=_step(mdep.get("spec") or {}, status, now),
        checks=tuple(_checks(status)),
        signals=tuple(read_signal(e) for e in status.get("signals") or []),
        rejected=_rejection(rejected) if rejected else None,
        conditions=tuple(_conditions(status)),
        history=tuple(_event(one) for one in status.get("history") or []),
        handled_action=status.get("handledAction"),
    )


def models_text(models: Sequence[Object]) -> str:
    """Return models for people: `keras_cnn 1.1.0, xgboost 1.0.0`."""
    return ", ".join(f"{model['name']} {model['version']}" for model in models)


def steps_of(spec: Object, candidate: Object) -> list[Object]:
    """Return the steps that a candidate takes: the last only, where it was stable lately."""
    steps = (spec.get("rollout") or {}).get("steps") or []
    return steps[-1:] if candidate.get("straight") else steps


def _revisions(status: Object, pods: Sequence[Object]) -> list[Revision]:
    weights = {one["revision"]: one["weight"] for one in status.get("traffic") or []}
    by_revision: dict[str, list[Pod]] = {}
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"])):
        named = (pod["metadata"].get("labels") or {}).get(REVISION, "")
        by_revision.setdefault(named, []).append(read_pod(pod))
    found: list[Revision] = []
    candidate, stable = status.get("candidate"), status.get("stable")

    def add(role: Role, revision: str, models: Sequence[Object], asked: int | None = None) -> None:
        if any(one.revision == revision for one in found):
            return
        found.append(
            Revision(
                role=role,
                revision=revision,
                models=models_text(models),
                weight=weights.get(revision, 0),
                asked=asked,
                pods=tuple(by_revision.get(revision, ())),
            )
        )

    if candidate:
        add("candidate", candidate["revision"], candidate.get("models", []), candidate["weight"])
    if stable:
        standby = candidate and candidate["weight"] == 100
        role: Role = "standby" if standby else "stable"
        add(role, stable["revision"], stable.get("models", []))
    if retreat := status.get("retreat"):
        rejected = status.get("rejected") or {}
        mine = rejected.get("revision") == retreat["revision"]
        add("leaving", retreat["revision"], rejected.get("models", []) if mine else [])
    if rejected := status.get("rejected"):
        add("rejected", rejected["revision"], rejected.get("models", []))
    for revision in sorted({*by_revision, *weights}):
        if revision:
            add("other", revision, [])
    return found


def _step(spec: Object, status: Object, now: float | None) -> Step | None:
    candidate = status.get("candidate")
    if not candidate:
        return None
    steps, number = steps_of(spec, candidate), candidate.get("step", 0)
    waits = _waits(spec, status, candidate, number)
    at = steps[number - 1] if 0 < number <= len(steps) else None
    hold = seconds(at["hold"]) if at else 0.0
    held = min(hold, candidate.get("heldSeconds", 0.0))
    if at and now is not None and waits is None:
        held = min(hold, held + _since_then(spec, candidate, now))
    later = sum(seconds(one["hold"]) for one in steps[number:])
    return Step(
        number=number,
        of=len(steps),
        weight=candidate.get("weight", 0),
        held_seconds=held,
        hold_seconds=hold,
        left_seconds=hold - held + later,
        waits=waits,
    )


def _since_then(spec: Object, candidate: Object, now: float) -> float:
    """Return the seconds since the last evaluation, as far as they will count."""
    times = [epoch(candidate.get(key)) for key in ("evaluatedAt", "stepAt")]
    last = max((at for at in times if at is not None), default=now)
    interval = ((spec.get("rollout") or {}).get("analysis") or {}).get("interval", "15s")
    return max(0.0, min(now - last, _LONGEST_GAP * seconds(interval)))


def _waits(spec: Object, status: Object, candidate: Object, number: int) -> str | None:
    """Return why the clock of the step stands still; None while it goes."""
    if status.get("retreat"):
        return "waits until the traffic is back from the revision before"
    if spec.get("suspend"):
        return "suspended by the spec"
    if status.get("paused"):
        return "paused: transit resume goes on"
    if candidate.get("askedAt"):
        return "waits for approval: continue with transit promote, or reject it with transit abort"
    if candidate.get("blindSince") and candidate.get("weight"):
        absent = [e for e in status.get("signals") or [] if e.get("verdict") == "NoData"]
        why = f": {absent[0]['signal']}: {absent[0]['message']}" if absent else ""
        return f"waits for data{why}"
    if candidate.get("waitingSince") or number == 0:
        return _words_of_the_operator(status)
    if candidate.get("healthFailures"):
        return "waits for its pods to be well"
    return None


def _words_of_the_operator(status: Object) -> str:
    """Return what the message says that is waited for: it knows pods and their causes best."""
    parts = str(status.get("message") or "").split("; ")
    return "; ".join(part for part in parts if not _HELD.match(part)) or "waits for pods"


def _checks(status: Object) -> list[str]:
    checks = (status.get("candidate") or {}).get("checks") or []
    return [
        f"{c['name']} {c['state']}" + (f": {c['message']}" if c.get("message") else "")
        for c in checks
    ]


def _rejection(rejected: Object) -> Rejection:
    return Rejection(
        revision=rejected["revision"],
        models=models_text(rejected.get("models", [])),
        reason=rejected.get("reason", ""),
        message=rejected.get("message", ""),
        time=rejected.get("time"),
    )


def _conditions(status: Object) -> list[Condition]:
    return [
        Condition(
            type=c["type"],
            status=c["status"],
            reason=c.get("reason", ""),
            message=c.get("message", ""),
        )
        for c in status.get("conditions") or []
        if c["type"] in _GOOD and c["status"] not in _GOOD[c["type"]]
    ]


def _event(transition: Object) -> Event:
    return Event(
        time=transition.get("time"),
        reason=transition.get("reason", ""),
        message=transition.get("message", ""),
        phase=transition.get("phase"),
        revision=transition.get("revision"),
        weight=transition.get("weight"),
    )
