"""The migrations make exactly the tables that the code uses, in both kinds of database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from tests.postgres import Postgres
from transit_registry import connecting, migrating, versions
from transit_registry.errors import InvalidAddress, RegistryUnavailable, SchemaOutdated
from transit_registry.tables import metadata


def test_they_make_the_tables_of_the_code(empty: Engine) -> None:
    assert migrating.upgrade(empty) is None
    options = {"version_table": migrating.VERSION_TABLE, "compare_type": True}
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert migrating.current(connection) == migrating.newest()
    assert migrating.upgrade(empty) == migrating.newest()


def test_another_programs_migrations_are_left_alone(empty: Engine) -> None:
    """MLflow, in the same database, has a table of Alembic's usual name."""
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    migrating.upgrade(empty)
    with empty.connect() as connection:
        kept = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert kept == "theirs"


def test_two_at_once_take_turns(postgres: Postgres) -> None:
    engines = [connecting.open_engine(postgres.url) for _ in range(4)]
    with ThreadPoolExecutor(len(engines)) as threads:
        before = list(threads.map(migrating.upgrade, engines))
    for engine in engines:
        engine.dispose()
    assert sorted(found or "" for found in before) == ["", *[migrating.newest()] * 3]


def test_one_that_fails_leaves_nothing(postgres: Postgres) -> None:
    postgres.execute("CREATE TABLE deployment_history (theirs TEXT)")
    postgres.execute("GRANT ALL ON deployment_history TO transit")
    engine = connecting.open_engine(postgres.url)
    with pytest.raises(RegistryUnavailable, match="already exists"):
        migrating.upgrade(engine)
    assert inspect(engine).get_table_names() == ["deployment_history"]
    engine.dispose()


def test_without_tables_it_says_what_to_run(empty: Engine) -> None:
    with (
        pytest.raises(SchemaOutdated, match="transit-models registry upgrade"),
        connecting.converted(),
        empty.connect() as connection,
    ):
        versions.versions(connection)


@pytest.mark.parametrize(
    "text",
    ["", "registry", "mysql://u:hunter2@host/db", "sqlite://", "postgresql://u:hunter2@host:x/db"],
)
def test_what_is_no_address_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InvalidAddress, match="postgresql://user") as caught:
        connecting.parsed(text)
    assert "hunter2" not in str(caught.value)
