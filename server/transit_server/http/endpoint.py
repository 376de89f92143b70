"""What all endpoints share: request ids, errors, the closing of connections while draining, reading
bodies.

FastAPI documents the routes; `Endpoint` serves them. It takes the place of FastAPI's machinery for
parameters and response models, which costs more time per request than a forest of 200 trees.
"""

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from transit_server.errors import BodyTooLarge, MalformedBody
from transit_server.http.problems import reply_to
from transit_server.lifecycle import Lifecycle

Handler = Callable[["Call"], Awaitable[Response]]

# Unique without asking the system for random bytes, which costs as much as reading the body.
_PROCESS = secrets.token_hex(6)
_COUNTER = itertools.count()
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Call(Request):
    """A request, with when it came and its id."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.started = time.perf_counter()
        self.request_id = _request_id(scope)

    async def read(self, limit: int) -> bytes:
        """The body. Raises `BodyTooLarge` without reading on, `MalformedBody` for a wrong Content-
        Length.
        """
        declared = self.header(b"content-length")
        if declared is not None and (not declared.isdigit() or int(declared) > limit):
            raise BodyTooLarge(
                f"the body has {declared.decode('latin-1')} bytes, at most {limit} are read"
            )
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if not message.get("more_body", False):
            return _limited(bytes(message.get("body", b"")), limit)
        chunks = [message["body"]]
        size = len(chunks[0])
        while message.get("more_body", False):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit:
                raise BodyTooLarge(f"the body is larger than {limit} bytes")
        return b"".join(chunks)

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name (lower case), without decoding all of them."""
        for key, value in self.scope["headers"]:
            if key == name:
                return bytes(value)
        return None

    def integer_header(self, name: bytes) -> int | None:
        """A header that must be a number, if it is there."""
        value = self.header(name)
        if value is None:
            return None
        if not value.isdigit() or len(value) > 12:
            raise MalformedBody(f"the header {name.decode()} is not a number")
        return int(value)


class Endpoint:
    """An ASGI application for one route."""

    def __init__(self, handler: Handler, lifecycle: Lifecycle) -> None:
        self._handler = handler
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive, send)
        try:
            response = await self._handler(call)
        except ClientDisconnect:
            return
        except Exception as error:
            response = reply_to(error, scope["path"])
            if isinstance(error, BodyTooLarge):
                response.raw_headers.append((b"connection", b"close"))
        response.raw_headers.append((b"x-request-id", call.request_id.encode()))
        if self._lifecycle.draining:
            # Clients that keep connections open then come back to another pod in time.
            response.raw_headers.append((b"connection", b"close"))
        await response(scope, receive, send)


class DocumentedRoute(APIRoute):
    """A route of which FastAPI knows the documentation, and `Endpoint` does the work."""

    def __init__(
        self, path: str, endpoint: Handler, *, lifecycle: Lifecycle, **options: Any
    ) -> None:
        super().__init__(path, _documentation_of(endpoint), response_model=None, **options)
        self.app = Endpoint(endpoint, lifecycle)


def _documentation_of(handler: Handler) -> Callable[[], None]:
    """A function with the handler's name and docstring, and no parameters to look into."""

    def documented() -> None:
        raise NotImplementedError

    documented.__name__ = getattr(handler, "__name__", "endpoint")
    documented.__doc__ = handler.__doc__
    return documented


def _limited(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise BodyTooLarge(f"the body has {len(body)} bytes, at most {limit} are read")
    return body


def _request_id(scope: Scope) -> str:
    """The client's, if it can be echoed safely, else a new one."""
    for key, value in scope["headers"]:
        if key == b"x-request-id":
            if _REQUEST_ID.fullmatch(value):
                return str(value.decode())
            break
    return f"req_{_PROCESS}{next(_COUNTER):08x}"
