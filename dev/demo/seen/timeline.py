"""The timeline: every transition of the ModelDeployment, with its evidence, and what the demo did.

Transitions come from `status.history` as the watch brings it, so that more than the last 20 are
kept. For programs, in build/demo-timeline.json; people read `transit-models history`.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from dev.client.watch import Object
from transit_operator.core.times import epoch

Evidence = dict[str, Any]


@dataclass
class Event:
    """One row. `at` is in seconds since the epoch."""

    at: float
    event: str
    message: str
    revision: str | None = None
    version: str | None = None
    weight: int | None = None
    evidence: list[Evidence] = field(default_factory=list)
    scenario: str = ""

    def as_json(self, started: float) -> dict[str, Any]:
        """For build/demo-timeline.json."""
        return {
            "seconds": round(self.at - started, 3),
            "scenario": self.scenario,
            "event": self.event,
            "message": self.message,
            "revision": self.revision,
            "version": self.version,
            "weight": self.weight,
            "evidence": self.evidence,
        }


class Timeline:
    """Collects events; told of every version of the ModelDeployment by the watch's thread."""

    def __init__(self) -> None:
        self.scenario = ""
        self.versions: dict[str, str] = {}
        self._events: list[Event] = []
        self._known: set[tuple[str, str, str | None]] = set()
        self._lock = threading.Lock()

    def note(self, at: float, event: str, message: str) -> None:
        """Something that the demo did or saw itself."""
        with self._lock:
            self._events.append(Event(at, event, message, scenario=self.scenario))

    def take(self, _: float, found: Object | None) -> None:
        """Take over transitions that are new."""
        status = (found or {}).get("status") or {}
        with self._lock:
            for role in ("stable", "candidate", "rejected", "previous"):
                if known := status.get(role):
                    text = ", ".join(f"{m['name']} {m['version']}" for m in known["models"])
                    self.versions[known["revision"]] = text
            for transition in status.get("history") or []:
                self._take(transition)

    def events(self) -> list[Event]:
        """All of them in the order of time, with the versions filled in."""
        with self._lock:
            for event in self._events:
                if event.version is None and event.revision is not None:
                    event.version = self.versions.get(event.revision)
            return sorted(self._events, key=lambda event: event.at)

    def _take(self, transition: dict[str, Any]) -> None:
        key = (transition["time"], transition["reason"], transition.get("revision"))
        if key in self._known:
            return
        self._known.add(key)
        self._events.append(
            Event(
                at=epoch(transition["time"]),
                event=transition["reason"],
                message=transition["message"],
                revision=transition.get("revision"),
                weight=transition.get("weight"),
                evidence=transition.get("evidence") or [],
                scenario=self.scenario,
            )
        )
