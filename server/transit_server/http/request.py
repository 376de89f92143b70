"""One HTTP request, and what all endpoints want to know of it: `endpoint` makes it, `body_limits`
reads its body, `access_log` tells of it.
"""

import os
import re
import time
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope

from transit_server.errors import MalformedBody

# Asking the system for random bytes costs as much as reading a body: many are asked for at once.
_SERIAL_BYTES = 8
_SERIALS: list[bytes] = []
_AT_ONCE = 512
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class HttpRequest:
    """A request: when it came, its id, and what is found out about it on the way."""

    __slots__ = (
        "arrived",
        "at_end",
        "charge",
        "client_name",
        "code",
        "headers",
        "held",
        "model",
        "receive",
        "request_id",
        "scope",
        "serial",
        "started",
        "version",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.started = time.perf_counter()
        self.arrived = self.started  # all of it; `body_limits` says when
        self.scope = scope
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.receive = receive
        self.serial = new_serial()
        self.request_id = _clients_own(scope) or _named(self.serial)
        self.client_name = ""  # of the API key
        self.charge: Callable[[int], None] = _free  # counts its rows, see `gate`
        self.model = ""
        self.version = ""
        self.code = ""  # of the error
        self.held = 0  # bytes of its body, see `body_limits`
        self.at_end: Callable[[], None] | None = None

    @property
    def path_params(self) -> dict[str, str]:
        found: dict[str, str] = self.scope["path_params"]
        return found

    def whole_body(self) -> bytes | None:
        """The body, if all of it has come already; then there is nothing to wait for."""
        exchange: Any = self.scope.get("transit.exchange")
        body: bytes | None = None if exchange is None else exchange.whole_body()
        return body

    def header(self, name: bytes) -> bytes | None:
        """The header of that name (lower case), without decoding all of them. Of several, all, with
        commas between: that is no number and no encoding.
        """
        found: bytes | None = None
        for key, value in self.headers:
            if key == name:
                found = value if found is None else b"%b, %b" % (found, value)
        return found

    def unit(self, name: bytes) -> str:
        """The value of the header `name`, or the request's id where there is none."""
        value = self.header(name) if name else None
        return self.request_id if value is None else value.decode("latin-1")

    def integer_header(self, name: bytes) -> int | None:
        """A header that must be a number, if it is there."""
        value = self.header(name)
        if value is None:
            return None
        if not value.isdigit() or len(value) > 12:
            raise MalformedBody(f"the header {name.decode()} is not a number")
        return int(value)


def request_id(scope: Scope) -> str:
    """The client's, if it can be echoed safely, else a new one."""
    return _clients_own(scope) or _named(new_serial())


def new_serial() -> bytes:
    """64 random bits: nobody can guess another client's. For any thread."""
    while True:
        try:
            return _SERIALS.pop()
        except IndexError:
            block = os.urandom(_SERIAL_BYTES * _AT_ONCE)
            places = range(0, len(block), _SERIAL_BYTES)
            _SERIALS.extend(block[place : place + _SERIAL_BYTES] for place in places)


def _named(serial: bytes) -> str:
    return f"req_{serial.hex()}"


def _clients_own(scope: Scope) -> str | None:
    """For the client's eyes: nothing is ever found by it, or two clients could meet."""
    for key, value in scope["headers"]:
        if key == b"x-request-id":
            return str(value.decode()) if _REQUEST_ID.fullmatch(value) else None
    return None


def _free(rows: int) -> None:
    """There is no rate."""
