"""Bring a database to the tables of this release, by Alembic.

Two that do it at once take turns. The table that says how far it is has a name of its own, for
Alembic's usual one may be another program's (MLflow's is, in a database that both share).
"""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from .connecting import converted

VERSION_TABLE = "transit_registry_version"
_LOCK = 7264105  # any number that nobody else locks


def upgrade(engine: Engine) -> str | None:
    """Make what is missing; returns what the database was at before, None where it was empty.

    Raises: RegistryError.
    """
    with converted(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = current(connection)
        command.upgrade(_config(connection), "head")
    return before


def current(connection: Connection) -> str | None:
    """What the database is at; None where it has no tables of the registry."""
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def newest() -> str:
    """What this release brings a database to."""
    found = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert found is not None
    return found


def _config(connection: Connection | None) -> Config:
    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", "transit_registry:migrations")
    return config
