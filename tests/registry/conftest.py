"""What the tests of the registry share: a real PostgreSQL, and a file of SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.postgres import Postgres, running
from transit_registry.connecting import open_engine
from transit_registry.migrating import upgrade


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A PostgreSQL that only this session uses. It is shared: leave it running."""
    with running() as started:
        yield started


@pytest.fixture
def postgres(server: Postgres) -> Postgres:
    """That PostgreSQL with nothing in its database."""
    server.execute("DROP SCHEMA public CASCADE")
    server.execute("CREATE SCHEMA public AUTHORIZATION transit")
    return server


@pytest.fixture(params=["postgresql", "sqlite"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind in turn, without tables."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path}/registry.db")
    else:
        engine = open_engine(request.getfixturevalue("postgres").url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(empty: Engine) -> Engine:
    """A database of each kind in turn, with the tables of this release."""
    upgrade(empty)
    return empty
