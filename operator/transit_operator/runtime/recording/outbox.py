"""What is yet to be written into the registry.

The outbox that lasts is the status: its history has what happened, whoever leads. What of it is
written already the registry itself knows, by the ids. So an operator that begins to lead puts all
histories here, and then what each look adds to them; told twice, it is one row
(docs/decisions/0067-the-status-is-the-outbox.md). This is only the part on its way.

A look costs a comparison here unless something has happened. Where the registry is away so long
that there is no more room, what happens is left in the status, and taken when there is room again.
Neighbours: `execute` calls `see`, `recorder` takes from here, `entries` says what is told.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from transit_registry.entry import Entry

from ...api.status import ModelDeploymentStatus, Transition
from ..observing.authors import author
from ..observing.cache import Key
from ..observing.observe import Snapshot
from .entries import Place, entries

log = logging.getLogger(__name__)

ROOM = 10_000  # entries of about 2 kB


class _Seen(NamedTuple):
    """How far a ModelDeployment was told."""

    uid: str
    last: Transition | None
    action: str | None


class Outbox:
    """Entries in the order in which they came."""

    def __init__(
        self, environment: str, look_again: Callable[[Key], None], room: int = ROOM
    ) -> None:
        """`look_again` is asked for whom there was no room, when there is."""
        self._environment = environment
        self._look_again = look_again
        self._room = room
        self._waiting: deque[Entry] = deque()
        self._seen: dict[Key, _Seen] = {}
        self._left_out: set[Key] = set()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def see(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        """Take what is new in the status that a look has written, or found as it should be."""
        owner, history = snapshot.owner, status.history
        key = (owner.namespace, owner.name)
        now = _Seen(owner.uid, history[-1] if history else None, status.handled_action)
        before = self._seen.get(key)
        if before == now:
            return
        if len(self._waiting) >= self._room:
            self._left_out.add(key)
            return
        witnessed = before is not None and before.uid == owner.uid
        known = _known(history, before.last) if before is not None and witnessed else 0
        place = Place(
            owner,
            self._environment,
            author(snapshot.mdep, "spec"),
            author(snapshot.mdep, "action"),
        )
        action = before.action if before is not None and witnessed else None
        self._seen[key] = now
        try:
            told = entries(place, snapshot.observed, status, known, action, witnessed)
        except Exception:  # what can't be told must not stop what is done
            log.exception("a bug in Transit; not written", extra={"resource": "/".join(key)})
            return
        self._waiting.extend(told)
        if told:
            self._filled.set()

    async def filled(self) -> None:
        """Wait until there is something."""
        await self._filled.wait()

    def first(self, count: int) -> list[Entry]:
        """Return the entries that have waited longest. They stay until they are `done`."""
        return [self._waiting[n] for n in range(min(count, len(self._waiting)))]

    def done(self, count: int) -> None:
        """Forget the first ones, which are written."""
        for _ in range(count):
            self._waiting.popleft()
        if not self._waiting:
            self._filled.clear()
        if self._left_out and len(self._waiting) <= self._room // 2:
            again, self._left_out = self._left_out, set()
            for key in again:
                self._look_again(key)


def _known(history: list[Transition], last: Transition | None) -> int:
    """Return how many of the history were told, the last of which is known."""
    if last is None:
        return 0
    for number in range(len(history), 0, -1):
        if history[number - 1] == last:
            return number
    return 0
