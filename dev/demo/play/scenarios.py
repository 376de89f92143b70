"""What is rolled out, in which order, and how each must end. Waits are on states, never on time.

A scenario asks for a version, waits for its end, then checks what the end leaves: who serves, and
that no request failed but the bad version's own.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from dev.client.watch import NotAsExpected, Object

from ..seen import measure
from ..seen.incidents import Tally, tally
from .stage import MODEL, Stage, reached

STABLE, PROMOTED = "Stable", "Promoted"


@dataclass(frozen=True)
class Scenario:
    """`ends` is STABLE (a first deployment), PROMOTED, or the reason of the rejection."""

    name: str
    version: str
    ends: str
    title: str
    seconds: float = 120.0

    @property
    def good(self) -> bool:
        """Whether the version serves at the end."""
        return self.ends in (STABLE, PROMOTED)


SCENARIOS = (
    Scenario("first", "1.0.0", STABLE, "first deployment"),
    Scenario("good", "1.1.0", PROMOTED, "a good version goes to 100 %", 240.0),
    Scenario("errors", "1.2.0", "ErrorRate", "its preprocessing fails on curves with gaps"),
    Scenario("latency", "1.3.0", "Latency", "many times slower"),
    Scenario("drift", "1.4.0", "Drift", "trained on shifted labels, its answers differ"),
    Scenario("load", "1.5.0", "NotReady", "dies on load, so it never becomes ready", 180.0),
    Scenario("crash", "1.6.0", "Health", "passes readiness, then crashes under traffic"),
)


@dataclass
class Result:
    """How a scenario went."""

    scenario: Scenario
    revision: str
    stable: str
    seconds: float
    message: str
    weights: list[int]
    tally: Tally
    measured: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For build/demo-timeline.json."""
        return {
            "name": self.scenario.name,
            "model": MODEL,
            "version": self.scenario.version,
            "ended": self.scenario.ends,
            "revision": self.revision,
            "stableAfter": self.stable,
            "seconds": round(self.seconds, 1),
            "weights": self.weights,
            "message": self.message,
            "secondsToWeightZero": self.measured,
            **self.tally.as_json(),
        }


def play(stage: Stage, scenario: Scenario) -> Result:
    """Play one scenario to its end. Raises `NotAsExpected`."""
    stage.timeline.scenario = scenario.name
    stage.progress.say(f"{MODEL} {scenario.version}: {scenario.title}")
    mark = stage.traffic.mark()
    before = (stage.status.get("stable") or {}).get("revision")
    asked, began = stage.ask_for(scenario.version), time.monotonic()
    generation = int(asked["generation"])
    with stage.followed(0 if scenario.good else 1):
        found = stage.mdep.wait_for(
            f"{MODEL} {scenario.version} to end with {scenario.ends}",
            lambda mdep: _observed(mdep, generation) and _ended(mdep, scenario),
            scenario.seconds,
            hopeless=lambda mdep: _hopeless(mdep, asked, scenario),
        )
        seconds = time.monotonic() - began
    status = found["status"]
    role = "stable" if scenario.good else "rejected"
    revision, stable = status[role]["revision"], status["stable"]["revision"]
    if role == "rejected" and stable != before:
        raise NotAsExpected(f"{stable} is the stable revision after a rejection, it was {before}")
    weights = reached(status["history"], revision)
    if scenario.ends == PROMOTED and weights != stage.steps:
        raise NotAsExpected(f"the weights were {weights}, not {stage.steps}")
    if scenario.ends == STABLE:
        stage.begin_traffic()
    _settle(stage, stable, status["stable"]["models"][0]["version"])
    bad = revision if role == "rejected" else None
    had_traffic = stage.spans(revision)
    answers = stage.traffic.since(mark)
    return Result(
        scenario=scenario,
        revision=revision,
        stable=stable,
        seconds=seconds,
        message=status["message"],
        weights=weights,
        tally=tally(answers, bad, had_traffic),
        measured=measure.times(answers, revision, had_traffic, stage.analysis) if bad else {},
    )


def _settle(stage: Stage, stable: str, version: str) -> None:
    """Wait until the stable revision answers everything."""
    mark = stage.traffic.mark()
    with stage.progress.waiting(f"{MODEL} {version} ({stable}) alone answers") as waiting:
        stage.mdep.wait_for(
            f"all traffic to be with {stable}",
            lambda _: stage.settled(stable, mark),
            30.0,
            each=lambda _: waiting.tell(f"weights {stage.weights()}"),
        )


def _observed(mdep: Object, generation: int) -> bool:
    status = mdep.get("status") or {}
    return bool((status.get("observedGeneration") or 0) >= generation)


def _ended(mdep: Object, scenario: Scenario) -> bool:
    status = mdep["status"]
    phase = status.get("phase")
    if scenario.good:
        return phase == "Stable" and _serves(status.get("stable"), scenario)
    rejected = status.get("rejected")
    return (
        phase == "RolledBack"
        and _serves(rejected, scenario)
        and rejected["reason"] == scenario.ends
    )


def _hopeless(mdep: Object, asked: Object, scenario: Scenario) -> str | None:
    """Why the expected end can't come any more, if so. `asked`: the metadata of what we applied."""
    if (
        mdep["metadata"]["uid"] != asked["uid"]
        or mdep["metadata"]["generation"] > asked["generation"]
    ):
        return "somebody else changed it meanwhile: is a second demo running?"
    if not _observed(mdep, asked["generation"]):
        return None
    status = mdep["status"]
    for condition in status.get("conditions") or []:
        if (condition["type"], condition["status"]) == ("Accepted", "False"):
            return f"the spec was not accepted: {condition['message']}"
    if status.get("phase") == "Failed":
        return f"nothing serves: {status.get('message')}"
    rejected = status.get("rejected")
    if _serves(rejected, scenario) and rejected["reason"] != scenario.ends:
        return f"it was rolled back for {rejected['reason']}: {rejected['message']}"
    if not scenario.good and _serves(status.get("stable"), scenario):
        return "it was promoted"
    return None


def _serves(part: dict[str, Any] | None, scenario: Scenario) -> bool:
    served = [(m["name"], m["version"]) for m in (part or {}).get("models", [])]
    return served == [(MODEL, scenario.version)]


def chosen(name: str | None) -> list[Scenario]:
    """All, or the first deployment and the named one."""
    if name is None:
        return list(SCENARIOS)
    return [scenario for scenario in SCENARIOS if scenario.name in ("first", name)]
