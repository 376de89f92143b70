"""How far each receiver was told, kept in an annotation of the leader's Lease.

The Lease is renewed every two seconds anyway, and whoever begins to lead has read it. So this costs
no write, no right and no object of its own. What was told and not yet kept is told again by the
next leader, by the same id.

A receiver's mark is a time, up to which all is done, and the ids of what was told of after it. The
time stays a while behind: a look may be between its status and what it tells, and the clocks of two
leaders differ. Neighbours: `delivery` moves a mark; `leading.leader` writes them.
"""

import json
import logging
import math
from collections.abc import Iterable
from typing import Any, Protocol

from ...api import names
from ...core.times import epoch, rfc3339
from .messages import SHORT, Message

log = logging.getLogger(__name__)

ANNOTATION = f"{names.GROUP}/notified"
OVERLAP = 600.0  # longer than a look that isn't taken for lost, see telling.health
FORGOTTEN = 24 * 3600.0  # after which nobody is told any more
IDS = 100  # for each receiver: an annotation has room for 256 kB, and 20 receivers take 60 of it
INSTANT = 0.001  # the resolution of times in the status


class Keep(Protocol):
    """Where marks outlive the process: `leading.leader`."""

    def read(self, annotation: str) -> str | None:
        """Return what was noted last, by whomever."""
        ...

    def note(self, annotation: str, text: str) -> None:
        """Have it written soon."""
        ...


class Mark:
    """How far one receiver was told."""

    def __init__(self, since: float, told: dict[str, float] | None = None) -> None:
        self._since = since
        self._told = told or {}

    def has(self, id: str, at: float) -> bool:
        """Tell whether a message was told, or is from before there was this receiver."""
        return at <= self._since or id[:SHORT] in self._told

    def add(self, message: Message) -> None:
        """Take note that it was told. Of too many the oldest would be told twice."""
        self._told[message.id[:SHORT]] = message.at
        while len(self._told) > IDS:
            del self._told[next(iter(self._told))]

    def advance(self, to: float) -> None:
        """Take note that all up to a time was told."""
        self._since = max(self._since, to)
        self._told = {id: at for id, at in self._told.items() if at > self._since}

    def plain(self) -> dict[str, Any]:
        """Return it as it is kept."""
        told = {id: math.ceil(at) for id, at in self._told.items()}
        return {"since": rfc3339(self._since), "told": told}


class Marks:
    """The marks of all receivers."""

    def __init__(self, keep: Keep | None, receivers: Iterable[str], now: float) -> None:
        """A receiver without one hears what happens from now on."""
        self._keep = keep
        kept = _read(keep.read(ANNOTATION) if keep is not None else None)
        self._marks = {
            name: _mark(kept[name], now) if name in kept else Mark(now) for name in receivers
        }
        self.write()

    def __getitem__(self, receiver: str) -> Mark:
        return self._marks[receiver]

    def write(self) -> None:
        """Have them kept as they are now."""
        if self._keep is not None:
            plain = {name: mark.plain() for name, mark in self._marks.items()}
            self._keep.note(ANNOTATION, json.dumps(plain, separators=(",", ":")))


def _mark(kept: tuple[float, dict[str, float]], now: float) -> Mark:
    since, told = kept
    return Mark(min(max(since, now - FORGOTTEN), now), told)


def _read(text: str | None) -> dict[str, tuple[float, dict[str, float]]]:
    """Return what was kept; nothing of what nobody here has written."""
    try:
        return {
            name: (epoch(one["since"]), {id: float(at) for id, at in one["told"].items()})
            for name, one in json.loads(text or "{}").items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        text = "the Lease's annotation %s can't be read: receivers hear what happens from now on"
        log.warning(text, ANNOTATION)
        return {}
