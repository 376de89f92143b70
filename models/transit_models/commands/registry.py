"""The commands of the registry: what versions there are, their status, and the history of a model.

Thin over `transit_registry`, which is installed with transit[registry] and imported only here, when
one of these runs: a server's image has neither it nor a database's driver.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transit_models.commands.common import Add
from transit_models.counting import counted
from transit_models.errors import InvalidReference, ModelStoreError, StorageUnavailable
from transit_models.storage import fetch_verified, open_storage, split_reference
from transit_models.versions import check_name, directory_name, plain

if TYPE_CHECKING:
    from sqlalchemy import Connection

WHERE = """\
The registry is a PostgreSQL, which TRANSIT_MODEL_REGISTRY names
(postgresql://user:password@host/database); without it, a file of SQLite in your home directory."""
_MISSING = "this command needs more packages: pip install 'transit[registry]'"
_STATUSES = {
    "deprecate": ("deprecated", "Have a warning told where a version is rolled out."),
    "archive": ("archived", "Refuse new rollouts of a version; where it serves it goes on."),
    "activate": ("active", "Take a deprecation or archiving back."),
}
_COLUMNS = ("TIME", "ENVIRONMENT", "WHERE", "EVENT", "VERSION", "BY", "NOTES")


def add(command: Add) -> None:
    """Add the commands to the parser."""
    for name, (_, text) in _STATUSES.items():
        one = command(name, _set_status, text)
        one.add_argument("reference", metavar="NAME@VERSION")
        one.add_argument("--reason", help="why, for those who will ask")
        one.epilog = WHERE
    past = command("history", _history, "Show what became of a model: rollouts, rollbacks, who.")
    past.add_argument("name")
    past.add_argument("-o", "--output", choices=("table", "json"), default="table")
    past.add_argument("--limit", type=int, default=50, help="of the latest; default: %(default)s")
    past.epilog = WHERE
    registry = command("registry", _upgrade, "Keep the registry of versions and deployments.")
    registry.epilog = WHERE
    parts = registry.add_subparsers(required=True, metavar="COMMAND")
    text = "Bring its tables to those of this release."
    parts.add_parser("upgrade", help=text, description=text).set_defaults(run=_upgrade)
    text = "Put versions of a store down, with their metadata and digests."
    adding = parts.add_parser("add", help=text, description=text)
    adding.add_argument("store")
    adding.add_argument("only", nargs="*", help="NAME or NAME@VERSION; default: everything")
    adding.set_defaults(run=_add)


def list_registered(options: argparse.Namespace) -> int:
    """What `transit-models list --registry` shows."""
    with _connected() as connection:
        from transit_registry import reading, versions

        known, serving = versions.versions(connection), reading.serving(connection)
    where: dict[tuple[str, str], list[str]] = {}
    for row in serving:
        place = f"{row['environment']} {row['namespace']}/{row['name']}"
        where.setdefault((row["model_name"], row["version"]), []).append(place)
    shown = [
        {
            "name": one.name,
            "version": one.version,
            "status": str(one.status),
            "reason": one.reason,
            "by": one.by,
            "digest": one.digest,
            "path": one.storage_path,
            "serves": where.get((one.name, one.version), []),
        }
        for one in known
    ]
    if options.json:
        print(json.dumps(shown, indent=2))
        return 0
    lines = [
        (
            f"{one['name']}@{one['version']}",
            str(one["status"]) + (f" ({one['reason']})" if one["reason"] else ""),
            str(one["digest"] or "")[:12],
            ", ".join(where.get((str(one["name"]), str(one["version"])), [])),
        )
        for one in shown
    ]
    _print_table(("VERSION", "STATUS", "DIGEST", "SERVES IN"), lines)
    return 0


def _set_status(options: argparse.Namespace) -> int:
    name, asked = split_reference(options.reference)
    if asked is None:
        raise InvalidReference(f"{name!r}: which version? Write {name}@1.1.0")
    check_name(name)
    version = plain(asked)
    status, _ = _STATUSES[options.command]
    with _connected() as connection:
        from transit_registry import reading, tables, versions

        wanted = tables.Status(status)
        before = versions.set_status(connection, name, version, wanted, options.reason)
        serving = [
            f"{row['environment']} {row['namespace']}/{row['name']}"
            for row in reading.serving(connection)
            if (row["model_name"], row["version"]) == (name, version)
        ]
    _tell(f"{name} {version} is {status}; it was {before}")
    if serving and wanted is not tables.Status.ACTIVE:
        _tell(f"it serves in {', '.join(serving)}, and goes on there")
    return 0


def _history(options: argparse.Namespace) -> int:
    check_name(options.name)
    with _connected() as connection:
        from transit_registry import reading

        found = reading.history(connection, options.name, options.limit)
    if options.output == "json":
        shown = [{k: v for k, v in row.items() if k not in ("id", "model_id")} for row in found]
        print(json.dumps(shown, indent=2, default=datetime.isoformat))
        return 0
    if not found:
        _tell(f"the registry knows of no deployment of {options.name}")
        return 0
    _print_table(_COLUMNS, [_line(row) for row in found])
    return 0


def _line(row: Mapping[str, Any]) -> Sequence[str]:
    moves = row["from_version"] not in (None, row["version"]) and row["version"] is not None
    version = row["version"] or row["from_version"] or ""
    return (
        row["deployed_at"].strftime("%Y-%m-%d %H:%M:%SZ"),
        row["environment"],
        f"{row['namespace']}/{row['name']}",
        row["event"],
        f"{row['from_version']} -> {version}" if moves else version,
        row["deployed_by"],
        row["notes"] or "",
    )


def _upgrade(options: argparse.Namespace) -> int:
    with connected_engine() as engine:
        from transit_registry import migrating

        before = migrating.upgrade(engine)
        where = engine.url.render_as_string(hide_password=True)
    _tell(f"{where} is at {migrating.newest()}; it was at {before or 'nothing'}")
    return 0


def _add(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    new = number = 0
    with _connected() as connection:
        from transit_registry import versions

        for reference in options.only or storage.names():
            name, asked = split_reference(reference)
            wanted = [storage.resolve(name, asked)] if asked else storage.versions(name)
            for version in wanted:
                with tempfile.TemporaryDirectory(prefix="transit-add-") as scratch:
                    verified = fetch_verified(storage, name, version, Path(scratch))
                said = verified.metadata.plain()
                path = f"{storage.uri.rstrip('/')}/{name}/{directory_name(version)}"
                number += 1
                new += versions.add(connection, name, version, path, verified.digest, said)
    _tell(f"new to the registry, or better known now: {new} of {counted(number, 'version')}")
    return 0


@contextmanager
def connected_engine() -> Iterator[Any]:
    """An engine for the registry; its errors are the store's, so that exit codes are the same."""
    try:
        from transit_registry import connecting, errors
    except ImportError:
        raise ModelStoreError(_MISSING) from None
    try:
        engine = connecting.open_engine(connecting.address())
        try:
            with connecting.converted():
                yield engine
        finally:
            engine.dispose()
    except errors.RegistryUnavailable as error:
        text = f"{error}; when that is mended, run it again: nothing is done twice"
        raise StorageUnavailable(text) from error
    except errors.RegistryError as error:
        raise ModelStoreError(str(error)) from error


@contextmanager
def _connected() -> Iterator["Connection"]:
    """A transaction. A file of one's own is brought to this release at once; a database isn't."""
    with connected_engine() as engine:
        from transit_registry import migrating

        if engine.dialect.name == "sqlite":
            migrating.upgrade(engine)
        with engine.begin() as connection:
            yield connection


def _print_table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    rows = [head, *lines]
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
