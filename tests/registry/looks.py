"""Looks at a ModelDeployment of the pure world, told to an outbox as the executor tells them.

The API server is the world of `tests.unit.world`; the outbox, its task and the database are real.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import text

from tests.postgres import Postgres
from tests.unit.world import World
from transit_operator.core.objects.build import Owner
from transit_operator.core.observed import Retired
from transit_operator.runtime.observing.observe import Snapshot
from transit_operator.runtime.recording.outbox import Outbox
from transit_operator.runtime.recording.recorder import Recorder
from transit_operator.runtime.telling.metrics import Metrics
from transit_registry.connecting import open_engine

Row = dict[str, Any]


class Told(World):
    """A world each look of which is told to whoever leads: `outboxes`, one after the other."""

    def __init__(self, outbox: Outbox, name: str = "kepler", **world: Any) -> None:
        super().__init__(**world)
        self.outbox = outbox
        self.owner = Owner("ml", name, f"uid-{name}")
        self.authored = "2001-09-09T01:00:00Z"  # before this world begins

    def reconcile(self) -> Any:
        observed = self.observed()
        decision = super().reconcile()
        who = {"spec": "argocd-controller", "action": "transit-cli"}
        authors = {part: {"manager": m, "time": self.authored} for part, m in who.items()}
        self.outbox.see(Snapshot(observed, self.owner, {"authors": authors}, {}), decision.status)
        return decision


def nobody(key: tuple[str, str]) -> None:
    return


def outbox(room: int = 10_000) -> Outbox:
    return Outbox("production", nobody, room)


@asynccontextmanager
async def recording(
    box: Outbox, postgres: Postgres, folder: Path, retired: list[Retired] | None = None
) -> AsyncIterator[Metrics]:
    """Write what is in an outbox while the block runs, quicker to try again than in a cluster."""
    address = folder / "url"
    address.write_text(postgres.url)
    metrics = Metrics()

    async def retire(found: Retired) -> None:
        if retired is not None:
            retired.append(found)

    recorder = Recorder(box, address, metrics, retire, pauses=(0.05, 0.2), ask_seconds=0.1)
    task = asyncio.create_task(recorder.run())
    try:
        yield metrics
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], object], pause: float = 0.02) -> None:
    """Look until it is true; fail after a minute."""
    async with asyncio.timeout(60):
        while True:
            if true():
                return
            await asyncio.sleep(pause)  # between two looks


async def written(box: Outbox) -> None:
    """Wait until nothing waits to be written."""
    await until(lambda: not len(box))


def rows(postgres: Postgres, where: str = "true") -> Sequence[Row]:
    """Return the history as it is in the database, in the order of what happened."""
    engine = open_engine(postgres.url)
    statement = f"SELECT * FROM deployment_history WHERE {where} ORDER BY deployed_at, id"
    with engine.connect() as connection:
        found = [dict(row._mapping) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def failures(metrics: Metrics) -> float:
    return float(metrics.registry_failures._value.get())


def superuser(postgres: Postgres) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        f"postgresql+psycopg://postgres@127.0.0.1:{postgres.port}/registry",
        poolclass=sqlalchemy.NullPool,
    )
