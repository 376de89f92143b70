"""The outbox of the registry, and what is written of it.

The API server is the world of `tests.unit.told`; the outbox, its task and the database are real.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import text

from tests.postgres import Postgres
from transit_operator.core.observed import Retired
from transit_operator.runtime.recording.entries import command, entries
from transit_operator.runtime.recording.outbox import Outbox
from transit_operator.runtime.recording.recorder import Recorder
from transit_operator.runtime.telling.metrics import Metrics
from transit_registry.connecting import open_engine
from transit_registry.entry import Entry

Row = dict[str, Any]
LookAgain = Callable[[tuple[str, str]], None]


def nobody(key: tuple[str, str]) -> None:
    return


def outbox(look_again: LookAgain = nobody, room: int = 10_000) -> Outbox[Entry]:
    return Outbox(partial(entries, "production"), command, look_again, room)


@asynccontextmanager
async def recording(
    box: Outbox[Entry], postgres: Postgres, folder: Path, retired: list[Retired] | None = None
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


async def written(box: Outbox[Entry]) -> None:
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
