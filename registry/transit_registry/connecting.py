"""The way to a registry: its address, and an engine for it.

An address is `postgresql://user:password@host/database`, or `sqlite:///file`. Nothing is contacted
before the first statement. Neighbours: `errors` says what comes of the database's own errors.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from .errors import UPGRADE, InvalidAddress, RegistryError, RegistryUnavailable, SchemaOutdated

VARIABLE = "TRANSIT_MODEL_REGISTRY"
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 15  # for one statement, whether it waits for a lock or works
_FORMS = "write postgresql://user:password@host/database or sqlite:////path/to/file"


def address() -> str:
    """The address that the environment names, else that of a file of this user's own."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return chosen
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return f"sqlite:///{data}/transit/registry.db"


def parsed(text: str) -> URL:
    """The address in `text`, with its driver. Raises `InvalidAddress`, which tells no password."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        raise InvalidAddress(f"the registry's address can't be read: {_FORMS}") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database:
        return url
    raise InvalidAddress(f"{url.render_as_string(hide_password=True)!r} is no registry: {_FORMS}")


def open_engine(text: str) -> Engine:
    """An engine for the registry at `text`. Raises `InvalidAddress`."""
    url = parsed(text)
    if url.drivername == "sqlite":
        assert url.database is not None
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RegistryUnavailable(f"no file of a registry can be there: {error}") from error
        engine = create_engine(url)
        event.listen(engine, "connect", _with_foreign_keys)
        return engine
    return create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS})


def open_async(text: str) -> AsyncEngine:
    """An engine for one task: one connection, tried before each use.

    Raises `InvalidAddress`, also for a file: what runs in a cluster keeps nothing in one.
    """
    url = parsed(text)
    if url.drivername == "sqlite":
        raise InvalidAddress("a file of SQLite is for one person; the operator needs PostgreSQL")
    return create_async_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )


@contextmanager
def converted() -> Iterator[None]:
    """Turn what SQLAlchemy raises into the registry's errors; data that it refuses stays as is."""
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except DatabaseError as error:  # it is away, read-only, none of ours, no database at all
        raise _known(error) from error


def _known(error: DatabaseError) -> RegistryError:
    text = str(error.orig).strip().partition("\n")[0]
    missing = getattr(error.orig, "sqlstate", None) in ("42P01", "42703")  # table, column
    if missing or text.startswith("no such table"):
        return SchemaOutdated(
            f"the registry's tables are missing or of an older release ({text}); run: {UPGRADE}"
        )
    return RegistryUnavailable(f"the registry does not do it: {text}")


def _with_foreign_keys(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
