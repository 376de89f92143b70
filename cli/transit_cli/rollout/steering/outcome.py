"""When is a watch over, and with which exit code: promoted, rolled back, or not yet.

A pipeline applies a spec and then asks. So nothing counts before the operator has looked at that
spec, and what is followed is the one revision that it asked for: a newer spec, or a way back to the
old one, is no success of it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...exits import Exit
from ..status.named import as_named
from ..status.reading import models_text

Object = dict[str, Any]


class Until(StrEnum):
    """What is waited for."""

    PROMOTED = "Promoted"  # the last hold is over: it is the stable version
    BAKING = "Baking"  # it has all traffic; its last hold goes on
    STABLE = "Stable"  # nothing is under way, whichever version serves


@dataclass(frozen=True)
class Outcome:
    """How it ended, in words, and the command to run next."""

    code: Exit
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Followed:
    """What a watch is about: the candidate that it saw first. Nothing yet: ""."""

    revision: str = ""

    def seeing(self, mdep: Object) -> "Followed":
        """Return what is followed once this was seen."""
        candidate = (mdep.get("status") or {}).get("candidate")
        if self.revision or not looked_at(mdep) or not candidate:
            return self
        return Followed(candidate["revision"])


def looked_at(mdep: Object) -> bool:
    """Tell whether the status is about the spec as it is, and that is understood."""
    status = mdep.get("status") or {}
    seen = status.get("observedGeneration", 0) >= mdep["metadata"].get("generation", 1)
    accepted = _condition(status, "Accepted")
    return seen and accepted.get("reason") != "ResolvingAliases"


def outcome(mdep: Object, until: Until, followed: Followed) -> Outcome | None:
    """Return how it ended; None while it goes on."""
    status, name = mdep.get("status") or {}, as_named(mdep)
    if not looked_at(mdep):
        return None
    accepted = _condition(status, "Accepted")
    stalled = _condition(status, "Stalled").get("status") == "True"
    if accepted.get("status") == "False" and stalled:
        text = f"the spec can't be acted upon, {accepted.get('reason')}: {accepted.get('message')}"
        return Outcome(Exit.REFUSED, text, f"kubectl describe mdep {name}")
    rejected, phase = status.get("rejected"), status.get("phase")
    mine = rejected and followed.revision in ("", rejected["revision"])
    over = phase == "RolledBack" and not status.get("candidate")
    if rejected and (over or (mine and phase == "Failed")):
        what = models_text(rejected.get("models", [])) or rejected["revision"]
        text = f"{what} was rolled back, {rejected['reason']}: {rejected['message']}"
        return Outcome(Exit.REFUSED, text, f"transit why {name}")
    stable, candidate = status.get("stable") or {}, status.get("candidate") or {}
    serves = models_text(stable.get("models", [])) or stable.get("revision", "")
    if phase == "Stable" and not candidate and _as_asked(mdep, stable):
        if until is Until.STABLE or followed.revision in ("", stable.get("revision")):
            return Outcome(Exit.DONE, f"{serves} is the stable version")
        text = f"the rollout ended without it: {serves} is the stable version"
        return Outcome(Exit.REFUSED, text, f"transit status {name}")
    if followed.revision and candidate and candidate["revision"] != followed.revision:
        text = f"a newer spec took its place: {models_text(candidate.get('models', []))}"
        return Outcome(Exit.REFUSED, text, f"transit status {name} --watch")
    if until is Until.BAKING and phase == "Baking" and _has_all(status):
        text = f"{models_text(candidate.get('models', []))} has all traffic; its last hold goes on"
        return Outcome(Exit.DONE, text)
    return None


def _as_asked(mdep: Object, stable: Object) -> bool:
    """Tell whether the stable serves what the spec names: a suspended rollout is no success."""
    spec = mdep.get("spec") or {}
    pins = ((mdep.get("status") or {}).get("pins") or {}).get("models", [])
    versions = {model["name"]: model["version"] for model in stable.get("models", [])}
    pinned = {model["name"]: model["version"] for model in pins}
    if not versions:
        return True  # a status that was lost doesn't know
    return all(
        versions.get(model["name"]) in (model["version"], pinned.get(model["name"]))
        for model in spec.get("models", [])
    )


def _has_all(status: Object) -> bool:
    candidate = status.get("candidate") or {}
    return any(
        one["revision"] == candidate.get("revision") and one["weight"] == 100
        for one in status.get("traffic") or []
    )


def _condition(status: Object, kind: str) -> Object:
    found = (c for c in status.get("conditions") or [] if c["type"] == kind)
    return next(found, {})
