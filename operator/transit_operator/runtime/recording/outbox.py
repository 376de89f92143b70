"""What is yet to be told to somebody outside: the registry, or a receiver of notifications.

The outbox that lasts is the status: its history has what happened, whoever leads. What of it was
told already is known elsewhere: to the registry by the ids that it has, of a receiver by a mark in
the Lease. So an operator that begins to lead puts all histories here, and then what each look adds
to them (docs/decisions/0067-the-status-is-the-outbox.md). This is only the part on its way.

Each of those who are told has an outbox of its own, so that none waits for another. A look costs a
comparison here unless something has happened. Where a receiver is away so long that there is no
more room, what happens is left in the status, and taken when there is room again.
Neighbours: `execute` calls `see`; `recorder` and `notifying.delivery` take from here; `entries`
and `notifying.messages` say what is told.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from ...api.status import ModelDeploymentStatus, Transition
from ..observing.cache import Key
from ..observing.observe import Snapshot

log = logging.getLogger(__name__)

ROOM = 10_000  # things to tell, of about 2 kB each

T = TypeVar("T")


class News(NamedTuple):
    """What a look has found: all of the history but the first `known` is new.

    `beside` was told already of what is no transition. `witnessed`: it happened in this look.
    """

    snapshot: Snapshot
    status: ModelDeploymentStatus
    known: int
    beside: str | None
    witnessed: bool


Tell = Callable[[News], list[T]]
Beside = Callable[[Snapshot, ModelDeploymentStatus], str | None]


class _Seen(NamedTuple):
    """How far a ModelDeployment was told."""

    uid: str
    last: Transition | None
    beside: str | None


class Outbox(Generic[T]):
    """What is to be told, in the order in which it came."""

    def __init__(
        self,
        tell: Tell[T],
        beside: Beside,
        look_again: Callable[[Key], None],
        room: int = ROOM,
    ) -> None:
        """`beside` names what is to be told though it is no transition; a change of it is news.

        `look_again` is asked for whom there was no room, when there is.
        """
        self._tell = tell
        self._beside = beside
        self._look_again = look_again
        self._room = room
        self._waiting: deque[T] = deque()
        self._seen: dict[Key, _Seen] = {}
        self._left_out: set[Key] = set()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def see(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        """Take what is new in the status that a look has written, or found as it should be."""
        owner, history = snapshot.owner, status.history
        key = (owner.namespace, owner.name)
        now = _Seen(owner.uid, history[-1] if history else None, self._beside(snapshot, status))
        before = self._seen.get(key)
        if before == now:
            return
        if len(self._waiting) >= self._room:
            self._left_out.add(key)
            return
        witnessed = before is not None and before.uid == owner.uid
        known = _known(history, before.last) if before is not None and witnessed else 0
        beside = before.beside if before is not None and witnessed else None
        self._seen[key] = now
        try:
            told = self._tell(News(snapshot, status, known, beside, witnessed))
        except Exception:  # what can't be told must not stop what is done
            log.exception("a bug in Transit; not told", extra={"resource": "/".join(key)})
            return
        self._waiting.extend(told)
        if told:
            self._filled.set()

    def has_all_of(self, keys: Iterable[Key]) -> bool:
        """Tell whether each of these was seen, with nothing of any left in the status."""
        return not self._left_out and all(key in self._seen for key in keys)

    async def filled(self) -> None:
        """Wait until there is something."""
        await self._filled.wait()

    def first(self, count: int) -> list[T]:
        """Return what has waited longest. It stays until it is `done`."""
        return [self._waiting[n] for n in range(min(count, len(self._waiting)))]

    def done(self, count: int) -> None:
        """Forget the first ones, which are told."""
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
