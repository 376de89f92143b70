"""What all endpoints share: request ids, the gate, errors, spans, the access log, the closing of
connections while draining.

FastAPI documents the routes; `Endpoint` serves them. It takes the place of FastAPI's machinery for
parameters and response models, which costs more time per request than a forest of 200 trees.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from transit_server.errors import ServingError
from transit_server.http.access import access_log
from transit_server.http.access.gate import Gate
from transit_server.http.access.origins import refuse_foreign
from transit_server.http.problems import reply_to
from transit_server.http.request import HttpRequest
from transit_server.observability.http_requests import HttpRequests
from transit_server.observability.tracing import Tracing
from transit_server.runtime.lifecycle import Lifecycle

_HUNG_UP = 499  # as nginx calls it; nobody is told
Handler = Callable[[HttpRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Shared:
    """What all endpoints are given. `log_from` is the lowest status that is logged, `pages` are the
    origins whose pages may ask; None where keys tell who may.
    """

    lifecycle: Lifecycle
    revision: str
    log_from: int
    requests: HttpRequests
    gate: Gate | None = None
    tracing: Tracing | None = None
    pages: Collection[str] | None = None


class Endpoint:
    """An ASGI application for one route."""

    def __init__(self, handler: Handler, route: str, shared: Shared, open_to_all: bool) -> None:
        self._handler = handler
        self._route = route
        self._lifecycle = shared.lifecycle
        self._revision = shared.revision
        self._count = shared.requests.count
        self._log_from = access_log.NEVER if open_to_all else shared.log_from
        self._tracing = None if open_to_all else shared.tracing
        self._gate = None if open_to_all else shared.gate
        self._pages = None if open_to_all else shared.pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A client that hangs up cancels this, see `connection`."""
        request = HttpRequest(scope, receive)
        status = _HUNG_UP
        try:
            if self._tracing is None:
                response = await self._answer(request)
            else:
                response = await self._traced(self._tracing, request)
            status = response.status_code
        except ClientDisconnect:
            return
        finally:
            at_end, request.at_end = request.at_end, None  # which refers to the request
            if at_end is not None:
                at_end()
            self._count(self._route, status)
        response.raw_headers.append((b"x-request-id", request.request_id.encode()))
        if self._lifecycle.draining:
            # Clients that keep connections open then come back to another pod in time.
            response.raw_headers.append((b"connection", b"close"))
        if status >= self._log_from:
            access_log.write(request, self._route, status, self._revision)
        await response(scope, receive, send)

    async def _answer(self, request: HttpRequest) -> Response:
        try:
            if self._pages is not None and request.scope["method"] == "POST":
                refuse_foreign(request.headers, self._pages)
            if self._gate is not None:
                request.client_name = self._gate.admit(request.headers)
                request.charge = partial(self._gate.charge, request.client_name)
            return await self._handler(request)
        except ClientDisconnect:
            raise
        except Exception as error:
            request.code = error.code if isinstance(error, ServingError) else "internal"
            return reply_to(error, self._route, request.request_id)

    async def _traced(self, tracing: Tracing, request: HttpRequest) -> Response:
        span = tracing.request(request.scope["method"], self._route, request.headers)
        status = _HUNG_UP
        try:
            response = await self._answer(request)
            status = response.status_code
            return response
        finally:
            attributes = {"transit.request_id": request.request_id}
            if request.code:
                attributes["error.type"] = request.code
            span.end(status, attributes)


class DocumentedRoute(APIRoute):
    """A route of which FastAPI knows the documentation, and `Endpoint` does the work. What is open
    to all is neither behind the gate nor logged or traced.
    """

    def __init__(
        self, path: str, endpoint: Handler, *, shared: Shared, open_to_all: bool, **options: Any
    ) -> None:
        super().__init__(path, _documentation_of(endpoint), response_model=None, **options)
        self.app = Endpoint(endpoint, path, shared, open_to_all)


def _documentation_of(handler: Handler) -> Callable[[], None]:
    """A function with the handler's name and docstring, and no parameters to look into."""

    def documented() -> None:
        raise NotImplementedError

    documented.__name__ = getattr(handler, "__name__", "endpoint")
    documented.__doc__ = handler.__doc__
    return documented
