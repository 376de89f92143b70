"""Turns for tenants who share a few slots: nobody's crowd keeps another one waiting.

A tenant has at most half of the slots, and of those who wait, the tenants take turns.
Neighbour: `custom`, which asks the users' own queries in such turns.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairSlots:
    """So many at one time, taken in turns. For one event loop."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._most = max(1, slots // 2)
        self._used: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._turns = 0
        self._last: dict[str, int] = {}  # the turn that a tenant had last

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Wait for a slot, and hold it."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(mine)
        self._give()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._back(tenant)
            raise
        try:
            yield
        finally:
            self._back(tenant)

    def _back(self, tenant: str) -> None:
        self._free += 1
        self._used[tenant] -= 1
        if not self._used[tenant]:
            del self._used[tenant]
            if tenant not in self._waiting:
                del self._last[tenant]
        self._give()

    def _give(self) -> None:
        while self._free and (tenant := self._next()) is not None:
            queue = self._waiting.pop(tenant)
            first = queue.popleft()
            if queue:
                self._waiting[tenant] = queue
            if not first.done():
                self._turns += 1
                self._last[tenant] = self._turns
                self._free -= 1
                self._used[tenant] = self._used.get(tenant, 0) + 1
                first.set_result(None)

    def _next(self) -> str | None:
        """Return, of those who may have one, the tenant whose last turn is longest ago."""
        may = (tenant for tenant in self._waiting if self._used.get(tenant, 0) < self._most)
        return min(may, key=lambda tenant: self._last.get(tenant, 0), default=None)
