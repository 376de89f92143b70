"""What all endpoints share: request ids, the gate, errors, spans, the access log, the closing of
connections while draining.

FastAPI documents the routes; `Endpoint` serves them. It takes the place of FastAPI's machinery for
parameters and response models, which costs more time per request than a forest of 200 trees.
"""

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from transit_server import logs
from transit_server.errors import MalformedBody, ServingError
from transit_server.http.access import Gate
from transit_server.http.problems import reply_to
from transit_server.lifecycle import Lifecycle
from transit_server.tracing import Tracing

Handler = Callable[["Call"], Awaitable[Response]]

# Unique without asking the system for random bytes, which costs as much as reading the body.
_PROCESS = secrets.token_hex(6)
_COUNTER = itertools.count()
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Call(Request):
    """A request: when it came, its id, and what is found out about it on the way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.started = time.perf_counter()
        self.request_id = request_id(scope)
        self.client_name = ""  # of the API key
        self.model = ""
        self.version = ""
        self.code = ""  # of the error
        self.held = 0  # bytes of its body, see `bodies`
        self.at_end: Callable[[], None] | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name (lower case), without decoding all of them."""
        for key, value in self.scope["headers"]:
            if key == name:
                return bytes(value)
        return None

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


@dataclass(frozen=True, slots=True)
class Shared:
    """What all endpoints are given. `log_from` is the lowest status that is logged."""

    lifecycle: Lifecycle
    revision: str
    log_from: int
    gate: Gate | None = None
    tracing: Tracing | None = None


class Endpoint:
    """An ASGI application for one route."""

    def __init__(self, handler: Handler, route: str, shared: Shared, probe: bool) -> None:
        self._handler = handler
        self._route = route
        self._lifecycle = shared.lifecycle
        self._revision = shared.revision
        self._log_from = logs.NEVER if probe else shared.log_from
        self._tracing = None if probe else shared.tracing
        self._gate = None if probe else shared.gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive, send)
        try:
            if self._tracing is None:
                response = await self._answer(call)
            else:
                response = await self._traced(self._tracing, call)
        except ClientDisconnect:
            return
        finally:
            if call.at_end is not None:
                call.at_end()
        response.raw_headers.append((b"x-request-id", call.request_id.encode()))
        if self._lifecycle.draining:
            # Clients that keep connections open then come back to another pod in time.
            response.raw_headers.append((b"connection", b"close"))
        if response.status_code >= self._log_from:
            logs.request(call, self._route, response.status_code, self._revision)
        await response(scope, receive, send)

    async def _answer(self, call: Call) -> Response:
        try:
            if self._gate is not None:
                call.client_name = self._gate.admit(call.scope["headers"])
            return await self._handler(call)
        except ClientDisconnect:
            raise
        except Exception as error:
            call.code = error.code if isinstance(error, ServingError) else "internal"
            return reply_to(error, call.scope["path"])

    async def _traced(self, tracing: Tracing, call: Call) -> Response:
        span = tracing.request(call.scope["method"], self._route, call.scope["headers"])
        status = 499  # the client hung up, unless it did not
        try:
            response = await self._answer(call)
            status = response.status_code
            return response
        finally:
            attributes = {"transit.request_id": call.request_id}
            if call.code:
                attributes["error.type"] = call.code
            span.end(status, attributes)


class DocumentedRoute(APIRoute):
    """A route of which FastAPI knows the documentation, and `Endpoint` does the work. What probes
    ask is neither behind the gate nor logged or traced.
    """

    def __init__(
        self, path: str, endpoint: Handler, *, shared: Shared, probe: bool, **options: Any
    ) -> None:
        super().__init__(path, _documentation_of(endpoint), response_model=None, **options)
        self.app = Endpoint(endpoint, path, shared, probe)


def _documentation_of(handler: Handler) -> Callable[[], None]:
    """A function with the handler's name and docstring, and no parameters to look into."""

    def documented() -> None:
        raise NotImplementedError

    documented.__name__ = getattr(handler, "__name__", "endpoint")
    documented.__doc__ = handler.__doc__
    return documented


def request_id(scope: Scope) -> str:
    """The client's, if it can be echoed safely, else a new one."""
    for key, value in scope["headers"]:
        if key == b"x-request-id":
            if _REQUEST_ID.fullmatch(value):
                return str(value.decode())
            break
    return f"req_{_PROCESS}{next(_COUNTER):08x}"
