"""The versions in `model_registry`: put down with what their store says, and given a status."""

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from .cleaning import cleaned
from .errors import NotRegistered
from .tables import Status, model_registry

_C = model_registry.c


@dataclass(frozen=True)
class Version:
    """A version as the registry has it."""

    name: str
    version: str
    status: Status
    digest: str | None
    storage_path: str
    reason: str | None
    by: str | None
    updated: datetime


def add(
    connection: Connection, name: str, version: str, path: str, digest: str, said: Mapping[str, Any]
) -> bool:
    """Put a version down, or what was not known of one; returns False when nothing was new.

    Its status stays as it is.
    """
    now = datetime.now(UTC)
    known = connection.execute(
        select(_C.id, _C.digest, _C.metadata, _C.storage_path).where(
            _C.model_name == name, _C.version == version
        )
    ).one_or_none()
    content = {"digest": digest, "metadata": cleaned(dict(said)), "storage_path": path}
    if known is None:
        fixed = {"model_name": name, "version": version, "status": Status.ACTIVE}
        times = {"created_at": now, "updated_at": now}
        connection.execute(insert(model_registry).values(**fixed, **content, **times))
        return True
    if known._mapping.items() >= content.items():
        return False
    connection.execute(
        update(model_registry).where(_C.id == known.id).values(**content, updated_at=now)
    )
    return True


def set_status(
    connection: Connection, name: str, version: str, status: Status, reason: str | None
) -> Status:
    """Give a version a status; returns the one it had. Raises `NotRegistered`."""
    which = (_C.model_name == name, _C.version == version)
    before = connection.execute(
        select(_C.status).where(*which).with_for_update()
    ).scalar_one_or_none()
    if before is None:
        known = versions(connection, name)
        has = f"it has {', '.join(v.version for v in known)} of it" if known else "nor any of it"
        raise NotRegistered(
            f"the registry has no {name} {version} ({has}); put it down with: "
            f"transit-models registry add STORE {name}@{version}"
        )
    connection.execute(
        update(model_registry)
        .where(*which)
        .values(
            status=status,
            status_reason=reason,
            status_by=_user(),
            updated_at=datetime.now(UTC),
        )
    )
    return Status(before)


def _user() -> str:
    """Return who does it; in a container there may be no name for a user's number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def versions(connection: Connection, name: str | None = None) -> list[Version]:
    """All versions, or those of a model; the earliest put down first."""
    wanted = _all().order_by(_C.model_name, _C.id)
    if name is not None:
        wanted = wanted.where(_C.model_name == name)
    return [_version(row._mapping) for row in connection.execute(wanted)]


def not_active() -> "Select[Any]":
    """Return the statement for what is deprecated or archived; `standings` reads its answer."""
    return _all().where(_C.status != Status.ACTIVE)


def standings(rows: Any) -> list[Version]:
    """Return what the answer to `not_active` says."""
    return [_version(row._mapping) for row in rows]


def _all() -> "Select[Any]":
    return select(
        _C.model_name,
        _C.version,
        _C.status,
        _C.digest,
        _C.storage_path,
        _C.status_reason,
        _C.status_by,
        _C.updated_at,
    )


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(
        name=row["model_name"],
        version=row["version"],
        status=Status(row["status"]),
        digest=row["digest"],
        storage_path=row["storage_path"],
        reason=row["status_reason"],
        by=row["status_by"],
        updated=row["updated_at"],
    )
