"""Write what happened into `deployment_history`, and the versions it names into `model_registry`.

Written twice it is one row: whoever is not sure whether it was written writes it again.
Neighbour: the operator's outbox says what and when.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from .cleaning import cleaned
from .connecting import STATEMENT_SECONDS
from .entry import Entry, Model
from .tables import Status, deployment_history, model_registry

Row = dict[str, Any]


async def write(connection: AsyncConnection, entries: Sequence[Entry]) -> int:
    """Write entries in the transaction of a connection; returns how many rows were new.

    Most of what a new leader tells is there already, and only asked for. Rows go one by one to a
    statement that was compiled once: one for all of them is compiled anew each time, and the event
    loop waited ten times as long for it.
    """
    # Of this transaction only: a pooler between us and the database passes it on.
    await connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
    ids = deployment_history.c.event_id
    known = await connection.execute(
        select(ids).distinct().where(ids.in_([entry.id for entry in entries]))
    )
    there = set(known.scalars())
    new = [entry for entry in entries if entry.id not in there]
    if not new:
        return 0
    named = await _named(connection, new)
    rows = [row for entry in new for row in _rows(entry, named)]
    written = await connection.execute(_NEW_ROW, rows)
    return written.rowcount


_NEW_ROW = (
    insert(deployment_history)
    .on_conflict_do_nothing(index_elements=["event_id", "model_name"])
    .execution_options(preserve_rowcount=True)
)
_NEW_VERSION = insert(model_registry).on_conflict_do_nothing(
    index_elements=["model_name", "version"]
)


async def _named(
    connection: AsyncConnection, entries: Iterable[Entry]
) -> dict[tuple[str, str], int]:
    """Return (model, version) → id of all that entries name; those that are new are put down.

    Sorted, so that two that write at once never wait for each other in a circle.
    """
    now = datetime.now(UTC)
    places = {
        (model.name, model.version): (model, entry.storage)
        for entry in entries
        for model in entry.models
    }
    if not places:
        return {}
    found = await _ids(connection, places)
    missing: list[Row] = [
        {
            "model_name": name,
            "version": version,
            "storage_path": f"{storage.rstrip('/')}/{name}/v{version}",
            "digest": model.digest,
            "metadata": {},
            "status": Status.ACTIVE,
            "created_at": now,
            "updated_at": now,
        }
        for (name, version), (model, storage) in sorted(places.items())
        if (name, version) not in found
    ]
    if missing:
        await connection.execute(_NEW_VERSION, missing)
        found = await _ids(connection, places)
    return found


async def _ids(
    connection: AsyncConnection, named: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    of = model_registry.c
    asked = select(of.id, of.model_name, of.version).where(
        tuple_(of.model_name, of.version).in_(sorted(named))
    )
    return {(name, version): number for number, name, version in await connection.execute(asked)}


def _rows(entry: Entry, named: dict[tuple[str, str], int]) -> list[Row]:
    """Return a row for each model of the revision and of the stable; one where none is known."""
    before = {model.name: model for model in entry.before}
    common = {
        "event_id": entry.id,
        "environment": entry.environment,
        "namespace": entry.namespace,
        "name": entry.name,
        "event": entry.event,
        "revision": entry.revision,
        "started_at": entry.started,
        "deployed_at": entry.time,
        "deployed_by": cleaned(entry.by),
        "rollback_at": entry.time if entry.ended else None,
        "notes": cleaned(entry.notes),
        "evidence": cleaned(list(entry.evidence)),
    }
    ours = {model.name: model for model in entry.models}
    names = list(dict.fromkeys([*ours, *before]))
    return [
        common | _to(ours.get(name), named) | _from(before.get(name)) | {"model_name": name}
        for name in names or [""]
    ]


def _to(model: Model | None, named: dict[tuple[str, str], int]) -> Row:
    if model is None:
        return {"model_id": None, "version": None, "digest": None}
    number = named[model.name, model.version]
    return {"model_id": number, "version": model.version, "digest": model.digest}


def _from(model: Model | None) -> Row:
    if model is None:
        return {"from_version": None, "from_digest": None}
    return {"from_version": model.version, "from_digest": model.digest}
