"""The one connection to the Redis, by redis-py; the only module that knows it.

Many questions and answers go in one write, and come back in one read mostly. Nothing is retried
here, and a connection that failed is never used again: what it still gets would be taken for the
answer to something else.
"""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import Connection, SSLConnection
from redis.asyncio.connection import parse_url
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import TimeoutError as SocketTimeout

CONNECT: Final = 2.0  # seconds, which nobody waits for
_URL, _AUTHORITY = "url", "ca.crt"
_NO_CLUSTER: Final = "it is a Redis Cluster, and has to be one instance"
_MEANS: Final[dict[type[Exception], str]] = {
    AuthenticationError: "it refuses the account and password of the address, "
    "or that there are none",
    NoPermissionError: "the account needs MGET and SET on transit:*, and SELECT for a database "
    "other than 0",
    OutOfMemoryError: "it is full and forgets nothing: maxmemory-policy allkeys-lru",
    ReadOnlyError: "it is a replica, which takes no entries: the address has to be the primary's",
    BusyLoadingError: "it is still loading its data",
    MovedError: _NO_CLUSTER,
    ClusterCrossSlotError: _NO_CLUSTER,
    ClusterDownError: _NO_CLUSTER,
}


class BadAddress(Exception):
    """There is no address, or none of a Redis. The message has nothing of it."""


class Garbled(Exception):
    """What came is no answer to what was asked."""


class Unreachable(Exception):
    """The connection takes too long."""


class Link:
    """A connection that answers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def exchange(
        self, names: Sequence[str], entries: Sequence[tuple[str, bytes]], ttl: float
    ) -> tuple[list[bytes | None], list[str]]:
        """What there is under `names`, in their order; and why some of `entries` were refused."""
        commands: list[tuple[str | bytes | int, ...]] = [("MGET", *names)] if names else []
        commands += [("SET", name, entry, "PX", int(ttl * 1000)) for name, entry in entries]
        await self._connection.send_packed_command(self._connection.pack_commands(commands))
        found: list[bytes | None] = []
        if names:
            found = _values(await self._connection.read_response(), len(names))
        return found, [refusal for _ in entries if (refusal := await self._refusal())]

    async def close(self) -> None:
        """Leave it, without waiting for anything."""
        await self._connection.disconnect(nowait=True)

    async def _refusal(self) -> str:
        try:
            said = await self._connection.read_response()
        except ResponseError as error:
            return explained(error)
        if said != b"OK":
            raise Garbled("what came is no answer to SET")
        return ""


async def connected(secret: Path) -> Link:
    """A connection to the Redis of a mounted Secret, which is read each time: it may have changed.

    Raises `BadAddress`, and what redis-py raises.
    """
    # Reading files and authorities takes the event loop longer than Redis may.
    connection = await asyncio.to_thread(_connection, secret)
    try:
        async with asyncio.timeout(CONNECT):
            await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException as error:
        await connection.disconnect(nowait=True)
        if type(error) is TimeoutError:
            secure = isinstance(connection, SSLConnection)
            what = "TLS connection (does it speak TLS?)" if secure else "connection"
            raise Unreachable(f"no {what} within {CONNECT:g} s") from None
        raise
    return Link(connection)


def explained(error: Exception) -> str:
    """A failure in words that may stand in a log: a server's own may repeat what it was sent, such
    as the password.
    """
    if type(error) in (BadAddress, Garbled, Unreachable, LinkError, SocketTimeout):
        return str(error)[:300]
    kind = type(error)
    return f"{_MEANS[kind]} ({kind.__name__})" if kind in _MEANS else kind.__name__


def _connection(secret: Path) -> Connection:
    try:
        url = (secret / _URL).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadAddress(f"{secret / _URL} can't be read: {type(error).__name__}") from None
    authority = secret / _AUTHORITY
    try:
        _refuse_what_is_cut_off(url)
        told: dict[str, Any] = dict(parse_url(url))
        kind = told.pop("connection_class", Connection)
        if kind is SSLConnection and authority.is_file():
            told["ssl_ca_data"] = authority.read_text()
        # RESP2 has no messages that come unasked. SETINFO is what old servers and proxies refuse.
        own = {"protocol": 2, "driver_info": None, "socket_timeout": None}
        connection: Connection = kind(**told | own | {"socket_connect_timeout": CONNECT})
        if isinstance(connection, SSLConnection):
            connection.ssl_context.get()
    except (ValueError, TypeError, OSError, ssl.SSLError) as error:
        # Their texts have parts of the address, maybe of the password.
        kinds = "redis://, rediss:// or unix://"
        text = f"{secret / _URL} is no address of {kinds}, or {_AUTHORITY} no certificate;"
        text += " in a password, / is %2F, # is %23 and @ is %40"
        raise BadAddress(f"{text} ({type(error).__name__})") from None
    return connection


def _refuse_what_is_cut_off(url: str) -> None:
    """Raises `ValueError` for a password with a / or # as it is, which ends the host's part: what
    stands before it would pass for host and port.
    """
    parts = urlsplit(url)
    if "@" in parts.path + parts.query + parts.fragment:
        raise ValueError


def _values(said: object, count: int) -> list[bytes | None]:
    if not isinstance(said, list) or len(said) != count:
        raise Garbled("what came is no answer to MGET")
    found: list[bytes | None] = []
    for value in said:
        if value is not None and not isinstance(value, bytes):
            raise Garbled("what came is no answer to MGET")
        found.append(value)
    return found
