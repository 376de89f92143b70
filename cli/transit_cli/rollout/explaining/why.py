"""Why a revision was rolled back, or why it waits: the whole answer, in the order people ask.

From the status alone; what Prometheus adds (pods and classes that stood out) is put in by the
command. Neighbours: `words` has each signal's sentences, `timeline` the rollouts of the history.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from ..status.named import as_named
from ..status.reading import models_text, read
from ..status.shown import Shown, Signal, Value
from ..status.signals import counted
from ..status.times import epoch, human, seconds
from .timeline import Timeline, chosen, timelines
from .words import Explained, explain

Object = dict[str, Any]
Kind = Literal["turned-back", "promoted", "waits", "goes-on", "settled", "failed"]
PLOTTED = ("errorRate", "latency", "drift", "invalid", "accuracy", "traffic", "health")
# Phases without a version that serves; "Unknown" is before the operator has looked.
_NOT_SERVING: dict[str, Kind] = {"Failed": "failed", "Pending": "waits", "Unknown": "waits"}
_NEAR = 0.7  # of a bound: worth a word
_LATER = {
    "NotReady": "its pods never became ready",
    "Check": "a check failed",
    "Aborted": "a person aborted it",
    "NoData": "there was no data for too long",
    "Health": "its pods were unhealthy",
    "ErrorRate": "too many of its predictions failed",
    "Latency": "it was too slow",
    "Drift": "it predicts other classes than the stable version",
    "Invalid": "it refuses too many requests",
    "Accuracy": "it is right less often",
    "NoTraffic": "requests don't reach it",
    "Custom": "a metric of your own left its bounds",
}


class Why(Value):
    """The answer. `signal` is what it is about, where one failed or has no data."""

    kind: Kind
    headline: str
    revision: str | None = None
    models: str = ""
    signal: str | None = None
    explained: Explained | None = None
    facts: tuple[str, ...] = ()
    stood_out: tuple[str, ...] = ()
    try_next: tuple[str, ...] = ()
    sources: str = "the status alone"
    timeline: Timeline | None = None


class NoSuchRevision(Exception):
    """The history knows no rollout of that revision."""


def why(mdep: Object, wanted: str | None, now: float) -> Why:
    """Return the answer for a revision, or for what is going on, or went wrong last.

    Raises: NoSuchRevision.
    """
    found, shown = timelines(mdep), read(mdep, (), now)
    if wanted is not None:
        one = chosen(found, wanted)
        if one is None:
            known = ", ".join(f"{t.revision} ({t.models})" for t in found) or "none"
            raise NoSuchRevision(f"the history has no rollout of {wanted}; it has: {known}")
        return why_of(mdep, one, now)
    if shown.step is not None:
        return _under_way(mdep, shown, _current(mdep, found))
    if shown.rejected is not None:
        mine = [t for t in found if t.revision == shown.rejected.revision and t.end]
        return _ended(mdep, mine[-1] if mine else _of_rejected(mdep))
    if shown.phase in _NOT_SERVING:
        return _not_serving(shown)
    ended = [t for t in found if t.end == "Rejected"]
    facts = [f"{_day(t.ended)}: {t.models or t.revision} was rolled back" for t in ended]
    return Why(
        kind="settled",
        headline=f"nothing is under way: {shown.message}",
        facts=tuple(facts),
        try_next=tuple(f"transit why {as_named(mdep)} --revision {t.revision}" for t in ended[-1:]),
    )


def _not_serving(shown: Shown) -> Why:
    """Return the answer where no version serves, and none is tried beside."""
    stable = shown.revision("stable")
    look = f"mdep {shown.name}"
    if stable is not None:
        look = f"pod -l transit.dev/revision={stable.revision}"
    return Why(
        kind=_NOT_SERVING[shown.phase],
        headline=shown.message,
        facts=tuple(f"{one.type} {one.status}: {one.message}" for one in shown.conditions),
        try_next=(f"kubectl describe -n {shown.namespace} {look}",),
    )


def why_of(mdep: Object, one: Timeline, now: float) -> Why:
    """Return the answer for one rollout of the history."""
    shown = read(mdep, (), now)
    if one.end is not None or shown.step is None:
        return _ended(mdep, one)
    return _under_way(mdep, shown, one)


def analysis_of(mdep: Object) -> Object:
    """Return `spec.rollout.analysis`."""
    found: Object = ((mdep.get("spec") or {}).get("rollout") or {}).get("analysis") or {}
    return found


def plotted(mdep: Object, found: Why) -> tuple[str, ...]:
    """Return the signals that have plots: those that are judged, the one in question first."""
    analysis = analysis_of(mdep)
    rules = {signal: analysis.get(signal) for signal in PLOTTED}
    judged = [s for s, rule in rules.items() if rule is not None and rule.get("mode") != "Off"]
    judged += [f"custom/{metric['name']}" for metric in analysis.get("custom") or []]
    first = [found.signal] if found.signal else []
    return (*first, *(signal for signal in judged if signal not in first))


def _ended(mdep: Object, one: Timeline) -> Why:
    what = one.models or one.revision
    if one.end != "Rejected":
        said = {
            "Promoted": "was promoted",
            "Superseded": "gave way to a newer spec",
            "Reverted": "was left: the spec asked for the stable version again",
        }
        return Why(
            kind="promoted" if one.end == "Promoted" else "turned-back",
            headline=f"{what} {said.get(one.end or '', 'ended')}",
            revision=one.revision,
            models=one.models,
            facts=(_course(one),),
            timeline=one,
        )
    reason, _, message = one.message.partition(": ")
    evidence = one.evidence
    explained = explain(evidence, analysis_of(mdep)) if evidence else Explained(number=message)
    return Why(
        kind="turned-back",
        headline=f"{what} was rolled back: {_LATER.get(reason, reason)}",
        revision=one.revision,
        models=one.models,
        signal=evidence["signal"] if evidence else None,
        explained=explained,
        facts=(_course(one),),
        try_next=_after(mdep, reason, one),
        timeline=one,
    )


def _after(mdep: Object, reason: str, one: Timeline) -> tuple[str, ...]:
    commands = [f"transit retry {as_named(mdep)}"]
    if one.evidence is not None and reason not in ("Health", "Custom"):
        commands.append(f"transit why {as_named(mdep)} --revision {one.revision} --html why.html")
    if reason in ("NotReady", "Health"):
        namespace = mdep["metadata"]["namespace"]
        selector = f"transit.dev/revision={one.revision}"
        commands.append(f"kubectl describe pod -n {namespace} -l {selector}")
    return tuple(commands)


def _course(one: Timeline) -> str:
    """Return how it went, in one sentence."""
    if one.started is None or one.ended is None:
        return f"it ended {_day(one.ended)}" if one.ended else ""
    text = f"it began {_day(one.started)} and ended {human(one.ended - one.started)} later"
    if not one.steps:
        return f"{text}, without any traffic"
    last = one.steps[-1]
    return f"{text}, {human(one.ended - last.at)} after it was given {last.weight} %"


def _under_way(mdep: Object, shown: Shown, one: Timeline | None) -> Why:
    step = shown.step
    candidate = shown.revision("candidate")
    assert step is not None
    analysis = analysis_of(mdep)
    absent = next((s for s in shown.signals if s.verdict == "NoData" and s.mode is None), None)
    facts = list(_needs(absent, analysis)) if absent else []
    facts += [_near(s) for s in shown.signals if s.used and _NEAR <= s.used <= 1]
    facts += [f"{s.signal} fails, but only warns: {s.message}" for s in shown.signals if _warns(s)]
    what = candidate.models if candidate else "the candidate"
    at = f"step {step.number} of {step.of}, {step.weight} %" if step.number else "no step yet"
    if step.waits is None:
        headline = f"{what} goes on ({at}): {human(step.hold_seconds - step.held_seconds)} left"
        kind: Kind = "goes-on"
    else:
        headline, kind = f"{what} ({at}): {step.waits}", "waits"
    return Why(
        kind=kind,
        headline=headline,
        revision=candidate.revision if candidate else None,
        models=candidate.models if candidate else "",
        signal=absent.signal if absent else _most_used(shown.signals),
        facts=tuple(facts),
        try_next=(f"transit status {as_named(mdep)} --watch",),
        timeline=one,
    )


def _needs(signal: Signal, analysis: Object) -> Sequence[str]:
    """Say how much is missing, and whether it can ever be enough."""
    if signal.reason != "TooFewSamples" or signal.samples is None:
        return []
    least, window = analysis.get("minSamples", 100), analysis.get("window", "5m")
    rate = signal.samples / seconds(window)
    facts = [f"{signal.signal} has {counted(signal.samples, 'sample')} of {least} in {window}"]
    if rate > 0 and signal.samples < least:
        needed = human(least / rate)
        facts.append(
            f"at {rate:.2g} a second, {least} take {needed}: a window of {needed} or"
            f" minSamples: {max(1, int(signal.samples))} would do, or a step with more weight"
        )
    return facts


def _near(signal: Signal) -> str:
    return f"{signal.signal} has used {signal.used:.0%} of its bound: {signal.message}".replace(
        "% of", " % of", 1
    )


def _warns(signal: Signal) -> bool:
    return signal.verdict == "Fail" and signal.mode == "Warn"


def _most_used(signals: Sequence[Signal]) -> str | None:
    used = [s for s in signals if s.used is not None and s.signal != "health"]
    return max(used, key=lambda s: s.used or 0.0).signal if used else None


def _current(mdep: Object, found: Sequence[Timeline]) -> Timeline:
    """Return the rollout under way, from the history, or from the status where that is short."""
    status = mdep["status"]
    candidate = status["candidate"]
    mine = [t for t in found if t.revision == candidate["revision"] and t.end is None]
    if mine and mine[-1].started is not None:
        return mine[-1]
    return Timeline(
        revision=candidate["revision"],
        models=models_text(candidate.get("models", [])),
        stable=(status.get("stable") or {}).get("revision"),
        started=epoch(candidate.get("startedAt")),
        steps=mine[-1].steps if mine else (),
        events=mine[-1].events if mine else (),
    )


def _of_rejected(mdep: Object) -> Timeline:
    """Return what is known of a rejection that the history has forgotten."""
    status = mdep["status"]
    rejected = status["rejected"]
    return Timeline(
        revision=rejected["revision"],
        models=models_text(rejected.get("models", [])),
        stable=(status.get("stable") or {}).get("revision"),
        ended=epoch(rejected.get("time")),
        end="Rejected",
        message=f"{rejected.get('reason')}: {rejected.get('message')}",
        evidence=rejected.get("evidence"),
    )


def _day(at: float | None) -> str:
    if at is None:
        return "at an unknown time"
    return datetime.fromtimestamp(at, UTC).strftime("on %Y-%m-%d at %H:%M:%S UTC")
