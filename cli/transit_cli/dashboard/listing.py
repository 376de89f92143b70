"""The list of all ModelDeployments: what a filter leaves of it, its page, and its live changes.

Rows are sent one by one where the same ones are listed; where others are, the list is sent anew.
Neighbours: `fleet` has what there is, templates/list.html and rows.html how it looks.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from .data.fleet import Entry, Fleet, Key
from .pages import Pages, partials
from .visitor import Visitor

QUIET_SECONDS = 60.0  # with nothing new
BREATH_SECONDS = 0.2  # between two events: what changes in it is told at once
_MANY = 100  # rows, from which on all of them in one piece are less work


@dataclass(frozen=True)
class Filter:
    """Which are listed: text in namespace, name, models or message; and a phase."""

    text: str = ""
    phase: str = ""

    def takes(self, entry: Entry) -> bool:
        """Tell whether one is listed."""
        shown = entry.shown
        if self.phase and shown.phase != self.phase:
            return False
        models = (one.models for one in shown.revisions)
        said = " ".join((f"{shown.namespace}/{shown.name}", *models, shown.message)).lower()
        return all(word in said for word in self.text.lower().split())


class Listing:
    """Renders the list. A row is made once for each change, not for each page."""

    def __init__(self, fleet: Fleet, pages: Pages, about: str) -> None:
        self._fleet = fleet
        self._pages = pages
        self._about = about
        self._rows: WeakKeyDictionary[Entry, str] = WeakKeyDictionary()

    def page(self, wanted: Filter, visitor: Visitor) -> str:
        """Return the whole page."""
        found = self._found(wanted)
        return self._pages.render(
            "list.html",
            visitor=visitor,
            wanted=wanted,
            about=self._about,
            rows=self._html(found),
            summary=self._summary(found),
            version=self._fleet.version,
        )

    async def changes(self, wanted: Filter, seen: int) -> AsyncIterator[tuple[int, str]]:
        """Yield what has changed since a version: the version now, and an event."""
        with self._fleet.waiting() as waiting:
            listed = self._keys(wanted) if seen == self._fleet.version else None
            changed: set[Key] = set()
            while not self._fleet.ended:
                found = self._found(wanted)
                mine = [one for one in found if one.key in changed]
                if self._keys(wanted) != listed or len(mine) > _MANY:
                    rows = partials({"rows": self._html(found)}, "innerMorph")
                else:
                    rows = partials({one.id: self._row(one) for one in mine}, "outerMorph")
                listed = self._keys(wanted)
                problem = self._pages.render("problem.html", problem=self._fleet.problem)
                state = partials({"summary": self._summary(found), "problem": problem}, "innerHTML")
                yield self._fleet.version, rows + state
                await asyncio.sleep(BREATH_SECONDS)
                changed = await waiting.some(QUIET_SECONDS)

    def _keys(self, wanted: Filter) -> list[Key]:
        return [one.key for one in self._found(wanted)]

    def _found(self, wanted: Filter) -> list[Entry]:
        return [one for one in self._fleet.ordered() if wanted.takes(one)]

    def _html(self, found: Sequence[Entry]) -> str:
        return "".join(self._row(one) for one in found)

    def _row(self, entry: Entry) -> str:
        if entry not in self._rows:
            self._rows[entry] = self._pages.render("row.html", entry=entry, shown=entry.shown)
        return self._rows[entry]

    def _summary(self, found: Sequence[Entry]) -> str:
        counts = Counter(one.shown.phase for one in found)
        return self._pages.render(
            "summary.html", counts=counts, listed=len(found), all=len(self._fleet.entries)
        )
