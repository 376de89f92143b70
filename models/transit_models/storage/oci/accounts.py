"""Who asks a registry: a user and password, or what Docker's configuration file has for it.

Neighbours: `client` says it to the registry; `objects.secret` has what is mounted and the
variables. Programs that hold passwords for Docker (credsStore) are not run.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transit_models.errors import StorageUnavailable
from transit_models.storage.objects.secret import DOCKER_SECRET, Told

PLACES = (
    "OCI_USERNAME and OCI_PASSWORD, or .dockerconfigjson (in a ModelDeployment: storage.secretName)"
)


@dataclass(frozen=True)
class Account:
    """A name and what proves it."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """What the header Authorization holds."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def account(told: Told, host: str, path: str) -> Account | None:
    """Who asks for `path` at `host`; None for nobody. What is mounted goes before the variables.

    Raises `StorageUnavailable` for a configuration that can't be read.
    """
    user, password = told.get("OCI_USERNAME"), told.get("OCI_PASSWORD")
    mounted = told.mounted.get(DOCKER_SECRET)
    if user and password and ("OCI_PASSWORD" in told.mounted or not mounted):
        return Account(user, password)
    if mounted:
        return _of_docker(mounted, DOCKER_SECRET, host, path)
    folder = told.environment.get("DOCKER_CONFIG")
    file = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    try:
        return _of_docker(file.read_text(), str(file), host, path) if file.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageUnavailable(f"{file} can't be read: {error}") from error


def _of_docker(text: str, where: str, host: str, path: str) -> Account | None:
    """The entry for the longest part of `host/path` that has one."""
    try:
        entries = json.loads(text).get("auths") or {}
        known = {_place(place): entry for place, entry in entries.items()}
        parts = [host, *path.split("/")]
        for length in range(len(parts), 0, -1):
            if entry := known.get("/".join(parts[:length])):
                return _entry(entry)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise StorageUnavailable(
            f"{where} is no configuration of Docker: {type(error).__name__}"
        ) from error
    return None


def _place(written: str) -> str:
    """`https://index.docker.io/v1/` → `index.docker.io`, as docker login writes it."""
    place = written.partition("://")[2] or written
    return place.rstrip("/").removesuffix("/v1").removesuffix("/v2")


def _entry(entry: Mapping[str, Any]) -> Account | None:
    if entry.get("username") and entry.get("password"):
        return Account(entry["username"], entry["password"])
    if not entry.get("auth"):
        return None
    user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    return Account(user, password.rstrip("\0"))
