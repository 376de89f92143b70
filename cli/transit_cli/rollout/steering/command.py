"""What became of a command: handled and how, refused, or taken over by another one. Pure.

The operator writes the value of the annotation to `status.handledAction` with the same write that
says what followed, so both are seen at once.
"""

from dataclasses import dataclass
from typing import Any

from ...exits import Exit
from ..status.reading import read
from ..status.shown import Event

Object = dict[str, Any]
ANNOTATION = "transit.dev/action"
IGNORED = "CommandIgnored"


@dataclass(frozen=True)
class Handled:
    """How it ended. `events` are the transitions that came with it."""

    code: Exit
    text: str
    events: tuple[Event, ...] = ()


def handled(before: Object, now: Object, action: str) -> Handled | None:
    """Return what became of an action; None while nothing did."""
    status = now.get("status") or {}
    asked = (now["metadata"].get("annotations") or {}).get(ANNOTATION)
    if status.get("handledAction") != action:
        if asked not in (action, None):
            text = f"another command came in between: {asked}"
            return Handled(Exit.REFUSED, text)
        return None
    known = set(read(before).history)
    shown = read(now)
    events = tuple(event for event in shown.history if event not in known)
    for event in events:
        if event.reason == IGNORED and event.message.startswith(f"{action}: "):
            return Handled(Exit.REFUSED, event.message.removeprefix(f"{action}: "), events)
    return Handled(Exit.DONE, f"{shown.phase}: {shown.message}", events)
