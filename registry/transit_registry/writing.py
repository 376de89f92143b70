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

from .connecting import STATEMENT_SECONDS
from .entry import Entry, Model
from .tables import Status, deployment_history, model_registry

Row = dict[str, Any]


async def write(connection: AsyncConnection, entries: Sequence[Entry]) -> int:
    """Write entries in the transaction of a connection; returns how many rows were new."""
    # Of this transaction only: a pooler between us and the database passes it on.
    await connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
    named = await _named(connection, entries)
    rows = [row for entry in entries for row in _rows(entry, named)]
    statement = (
        insert(deployment_history)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["event_id", "model_name"])
    )
    written = await connection.execute(statement.returning(deployment_history.c.id))
    return len(written.all())


async def _named(
    connection: AsyncConnection, entries: Iterable[Entry]
) -> dict[tuple[str, str], int]:
    """Return (model, version) → id of all that entries name; those that are new are put down.

    Sorted, so that two that write at once never wait for each other in a circle.
    """
    now, new = datetime.now(UTC), model_registry.c
    places = {
        (model.name, model.version): (model, entry.storage)
        for entry in entries
        for model in entry.models
    }
    if not places:
        return {}
    rows: list[Row] = [
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
    ]
    await connection.execute(
        insert(model_registry)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["model_name", "version"])
    )
    found = await connection.execute(
        select(new.id, new.model_name, new.version).where(
            tuple_(new.model_name, new.version).in_(sorted(places))
        )
    )
    return {(name, version): number for number, name, version in found}


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


def cleaned(value: Any) -> Any:
    """Return text without the one character that PostgreSQL doesn't keep: a pod may write it."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {cleaned(key): cleaned(inner) for key, inner in value.items()}
    return [cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value
