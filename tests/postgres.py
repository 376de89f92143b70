"""A PostgreSQL of a test's own: Debian's programs, a private port of 127.0.0.1, no root.

It can be stopped at once and started again, as a database is in an outage.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from dev.cluster.programs import packages
from tests.support import eventually

USER = "transit"
PASSWORD = "transit-secret"
# The machine doesn't crash in a test, the server may: what is committed need not be on the disk.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "20",
}


class Postgres:
    """One server, with its data in a folder. `url` is of its database `registry`."""

    def __init__(self, folder: Path) -> None:
        self._programs = _programs()
        self._account = _account()
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._run("initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/registry"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *listen, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                user=self._account,
                group=self._account and pwd.getpwnam(self._account).pw_gid,
            )
        eventually("PostgreSQL answers", self._answers, 60, pause=0.05)

    def create(self) -> None:
        """Make the database and its owner."""
        self.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        self.execute(f"CREATE DATABASE registry OWNER {USER}", database="postgres")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: at once, with no time for anybody; or as `how` says."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(30)
            self._server = None

    def execute(self, statement: str, database: str = "registry") -> None:
        """Do something as the superuser."""
        with self._superuser(database).connect() as connection:
            connection.execute(text(statement))

    def _answers(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, (self._folder / "log").read_text()[-2000:]
        program = str(self._programs / "pg_isready")
        command = [program, "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _superuser(self, database: str) -> sqlalchemy.Engine:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"
        pool = sqlalchemy.NullPool
        return sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=pool)

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self._programs / program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            user=self._account,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()


@contextmanager
def running() -> Iterator[Postgres]:
    """Run one until the block ends, with an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="transit-postgres-"))  # pytest's are closed to others
    if account := _account():
        shutil.chown(folder, account)
    server = Postgres(folder)
    try:
        server.start()
        server.create()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _account() -> str | None:
    """Whom to be: root may not run it, and everybody else is who they are."""
    return "postgres" if os.geteuid() == 0 else None


def _programs() -> Path:
    found = sorted(packages.POSTGRES.glob("*/bin/postgres"))
    if not found:
        pytest.fail("PostgreSQL is missing: python3 -m dev.cluster postgres")
    return found[-1].parent
