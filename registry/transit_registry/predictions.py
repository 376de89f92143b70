"""The log of predictions: files of the servers into its tables, each once, and old days out again.

A file is one transaction: its name goes into `prediction_files`, its lines by COPY into the tables,
which PostgreSQL keeps by days. So whoever is not sure whether a file was loaded loads it again.
Neighbour: the command `transit-models predictions` has the files.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, Table, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from .cleaning import cleaned
from .connecting import converted
from .errors import InvalidAddress, MalformedFile, RegistryUnavailable
from .tables import model_registry, prediction_feedback, prediction_files, prediction_logs

TABLES: Final[Mapping[str, Table]] = {
    "predictions": prediction_logs,
    "feedback": prediction_feedback,
}
_JSON: Final = {"input_features", "prediction", "predicted", "label"}
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "latency_ms": (int, float),
    "row_index": int,
    "correct": bool,
}
_LOCK: Final = 7264106  # any number that nobody else locks
_LOCK_SECONDS: Final = 10


@dataclass(frozen=True)
class LogFile:
    """A file of the log: its name in the store, what it holds, and the day of all its lines."""

    name: str
    kind: str
    day: date


def require_postgresql(engine: Engine) -> None:
    """Raises `InvalidAddress` for a file of SQLite."""
    if engine.dialect.name != "postgresql":
        raise InvalidAddress(
            "the log of predictions needs a PostgreSQL: TRANSIT_MODEL_REGISTRY="
            "postgresql://user:password@host/database"
        )


def loaded(engine: Engine, since: date) -> set[str]:
    """Return the names of files of days from `since` on that are loaded."""
    with converted(), engine.connect() as connection:
        of = prediction_files.c
        return set(connection.execute(select(of.file).where(of.day >= since)).scalars())


def load(engine: Engine, file: LogFile, lines: Iterable[bytes]) -> int:
    """Load a file, unless it is; return how many lines were new.

    Raises:
        MalformedFile: nothing of it was loaded.
        RegistryUnavailable: try again later.
    """
    table = TABLES[file.kind]
    if file.day == date.max:
        raise MalformedFile(f"{file.name}: no day comes after its own")
    _make_day(engine, table, file.day)
    new = insert(prediction_files).on_conflict_do_nothing(index_elements=["file"])
    row = {"file": file.name, "day": file.day, "loaded_at": datetime.now(UTC)}
    with converted(), engine.begin() as connection:
        if not connection.execute(new.returning(prediction_files.c.file), row).all():
            return 0
        return _copy(connection, table, file, lines)


def drop_days(engine: Engine, before: date) -> list[str]:
    """Drop what is of days before `before`; return the tables that went."""
    with converted(), engine.begin() as connection:
        _take_turns(connection)
        dropped = []
        for table in TABLES.values():
            for name in connection.execute(_PARTITIONS, {"parent": table.name}).scalars().all():
                if name < _partition(table, before):
                    connection.execute(text(f'DROP TABLE "{name}"'))
                    dropped.append(name)
        connection.execute(delete(prediction_files).where(prediction_files.c.day < before))
    return dropped


_PARTITIONS: Final = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = to_regclass(:parent) ORDER BY 1"
)


def _partition(table: Table, day: date) -> str:
    return f"{table.name}_{day:%Y%m%d}"


def _make_day(engine: Engine, table: Table, day: date) -> None:
    """Make the table of a day, apart from what goes into it: it takes a lock that readers feel."""
    name = _partition(table, day)
    with converted(), engine.begin() as connection:
        there = select(text("to_regclass(:name)"))
        if connection.execute(there, {"name": name}).scalar_one() is not None:
            return
        _take_turns(connection)
        begin = datetime.combine(day, time(), UTC)
        connection.execute(
            text(
                f'CREATE TABLE IF NOT EXISTS "{name}" PARTITION OF "{table.name}"'
                f" FOR VALUES FROM ('{begin.isoformat()}')"
                f" TO ('{(begin + timedelta(days=1)).isoformat()}')"
            )
        )


def _take_turns(connection: Connection) -> None:
    """One at a time changes tables, and doesn't keep others waiting behind a reader for long."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _copy(connection: Connection, table: Table, file: LogFile, lines: Iterable[bytes]) -> int:
    columns = [column.name for column in table.columns if column.name != "id"]
    rows = _rows(file, columns, lines, _models(connection))
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN"
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    count = 0
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
    except psycopg.OperationalError as error:
        raise RegistryUnavailable(f"the registry does not do it: {error}") from error
    except psycopg.Error as error:
        cause = str(error).strip().partition("\n")[0]
        raise MalformedFile(f"{file.name}: the database refuses it: {cause}") from error
    return count


def _rows(
    file: LogFile,
    columns: list[str],
    lines: Iterable[bytes],
    models: Mapping[tuple[str, str], tuple[int, str | None]],
) -> Iterator[list[Any]]:
    for number, line in enumerate(lines, 1):
        try:
            yield _row(file, columns, json.loads(line), models)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            cause = f"{type(error).__name__}: {error}"
            raise MalformedFile(f"{file.name}, line {number} is none of a log: {cause}") from error


def _row(
    file: LogFile,
    columns: list[str],
    said: dict[str, Any],
    models: Mapping[tuple[str, str], tuple[int, str | None]],
) -> list[Any]:
    moment = datetime.fromisoformat(said["timestamp"])
    if moment.astimezone(UTC).date() != file.day:
        raise ValueError(f"its day is {moment.date()}, and that of the file is {file.day}")
    said = {"input_features": {}, **cleaned(said)}
    number, digest = models.get((said["model_name"], said["version"]), (None, None))
    # Another team may have a model of that name.
    said["model_id"] = number if digest in (None, said.get("digest")) else None
    row = []
    for name in columns:
        value = said[name]
        if name in _JSON:
            value = json.dumps(value)
        elif name != "model_id" and not isinstance(value, _TYPES.get(name, str)):
            raise TypeError(f"{name} is {value!r:.100}")
        row.append(value)
    return row


def _models(connection: Connection) -> dict[tuple[str, str], tuple[int, str | None]]:
    """Return (model, version) → number and digest of all that the registry knows."""
    of = model_registry.c
    found = connection.execute(select(of.model_name, of.version, of.id, of.digest))
    return {(name, version): (number, digest) for name, version, number, digest in found}
