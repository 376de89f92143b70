"""The task that writes the outbox into the registry, and asks it which versions are retired.

It has one connection, and nobody waits for it: with the registry away or slow, rollouts go on as
they do without one. What failed is tried again, after 1 s to 60 s. Neighbours: `outbox` has what is
to be written; `operator` starts it where this process leads.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from transit_registry.connecting import converted, open_async
from transit_registry.entry import Entry
from transit_registry.errors import RegistryError
from transit_registry.tables import Status
from transit_registry.versions import Version, not_active, standings
from transit_registry.writing import write

from ...core.observed import Retired, Retirement
from ..telling.metrics import Metrics
from .outbox import Outbox

log = logging.getLogger(__name__)

BATCH = 20  # entries of one transaction, and what the event loop does for it at one go
TRY_SECONDS = 60.0  # for one transaction, with the way there and back
ASK_SECONDS = 30.0  # between two looks at what is retired
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Recorder:
    """Writes until it is cancelled."""

    def __init__(
        self,
        outbox: Outbox[Entry],
        address: Path,
        metrics: Metrics,
        retired: Callable[[Retired], Awaitable[None]],
        pauses: tuple[float, float] = (FIRST_PAUSE, LONGEST_PAUSE),
        ask_seconds: float = ASK_SECONDS,
    ) -> None:
        """`address` is a file, read again after each failure: what is rotated counts.

        `retired` is told what is deprecated or archived, each time that this changes.
        """
        self._outbox = outbox
        self._address = address
        self._metrics = metrics
        self._tell_retired = retired
        self._pauses = pauses
        self._ask_seconds = ask_seconds
        self._retired: Retired = {}
        self._ask_at = 0.0

    async def run(self) -> None:
        """Write what comes, for ever."""
        pause = self._pauses[0]
        while True:
            try:
                async with self._engine() as engine:
                    while True:
                        await self._turn(engine)
                        pause = self._pauses[0]
            except (RegistryError, OSError, SQLAlchemyError, TimeoutError) as error:
                self._metrics.registry_failures.inc()
                text = (
                    "the registry is not written; waiting: %d; rollouts go on; again in %.0f s: %s"
                )
                why = str(error) or f"no answer in {TRY_SECONDS:.0f} s"
                log.warning(text, len(self._outbox), pause, why)
            except Exception:  # or this task ended, and the operator with it, for a mere history
                self._metrics.registry_failures.inc()
                log.exception("a bug in Transit; the registry will be tried again")
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._pauses[1])

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[AsyncEngine]:
        engine = open_async(self._address.read_text(errors="replace"))
        try:
            yield engine
        finally:
            await engine.dispose()

    async def _turn(self, engine: AsyncEngine) -> None:
        """Write a batch; or ask what is retired, when it is time for that."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._ask_at:
            await self._ask(engine)
            self._ask_at = loop.time() + self._ask_seconds
        try:
            async with asyncio.timeout_at(self._ask_at):
                await self._outbox.filled()
        except TimeoutError:
            return
        batch = self._outbox.first(BATCH)
        await self._write(engine, batch)
        self._outbox.done(len(batch))

    async def _write(self, engine: AsyncEngine, batch: Sequence[Entry]) -> None:
        """Write a batch; one that the database can't keep is told and left out, not the others."""
        try:
            async with asyncio.timeout(TRY_SECONDS):
                with converted():
                    async with engine.begin() as connection:
                        rows = await write(connection, batch)
            self._metrics.registry_rows.inc(rows)
        except DataError as error:
            if len(batch) > 1:
                for entry in batch:
                    await self._write(engine, [entry])
                return
            self._metrics.registry_failures.inc()
            log.error("the registry can't keep %r, which is left out: %s", batch[0], error.orig)

    async def _ask(self, engine: AsyncEngine) -> None:
        async with asyncio.timeout(TRY_SECONDS):
            with converted():
                async with engine.connect() as connection:
                    found = standings(await connection.execute(not_active()))
        retired: Retired = {(one.name, one.version): _retirement(one) for one in found}
        if retired != self._retired:
            self._retired = retired
            await self._tell_retired(retired)


def _retirement(version: Version) -> Retirement:
    archived = version.status == Status.ARCHIVED
    return Retirement(archived, version.digest, version.reason or "")
