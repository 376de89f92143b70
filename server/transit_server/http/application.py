"""FastAPI, which describes the routes, and a table of paths, by which requests find them.

Neighbours: `app` fills it; `endpoint` answers; `connection` brings the requests.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from transit_server.http.endpoint import DocumentedRoute

_UNTRACED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
_A_DAY = 86400
_MAY_BE_SENT = (
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Inference-Header-Content-Length",
    "X-API-Key",
    "X-Request-ID",
)
_MAY_BE_READ = (
    "Inference-Header-Content-Length",
    "Retry-After",
    "X-Request-ID",
    "X-Transit-Revision",
)


class Application(FastAPI):
    """FastAPI with only the layer that answers unknown paths.

    The others are for what `Endpoint` does itself or what is not used here (cookies, uploads,
    dependencies), and take a fifth of the time of a whole request.
    """

    def __init__(self, adapt: Callable[[dict[str, Any]], dict[str, Any]], **options: Any) -> None:
        super().__init__(
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            telemetry=_UNTRACED,
            **options,
        )
        self._adapt = adapt
        self._direct: dict[tuple[str, str], tuple[ASGIApp, dict[str, str]]] = {}
        self._entry: ASGIApp = self._find

    def allow_origins(self, origins: Sequence[str], headers: Iterable[str]) -> None:
        """Browsers may ask from pages of these origins, and send `headers` besides the usual."""
        self._entry = CORSMiddleware(
            self._find,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=[*_MAY_BE_SENT, *headers],
            expose_headers=_MAY_BE_READ,
            max_age=_A_DAY,
        )

    def add(self, route: DocumentedRoute, known: Iterable[Mapping[str, str]]) -> None:
        """A route; where its path has no more in it than each of `known` has values for, such as a
        model's name, those paths go straight to its endpoint.
        """
        self.router.routes.append(route)
        parameters = route.param_convertors.keys()
        for values in known:
            if parameters <= values.keys():
                found = route.app, {name: values[name] for name in parameters}
                for method in route.methods or ():
                    self._direct[method, route.path.format(**values)] = found

    def openapi(self) -> dict[str, Any]:
        """Made anew each time: it takes long, see `document`."""
        return self._adapt(super().openapi())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._entry(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _find(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Paths of the table go straight to their endpoint: `Router` would try one route after the
        other, and wrap each in a layer that catches what `Endpoint` has caught.
        """
        if scope["method"] == "HEAD":
            scope["method"] = "GET"  # the connection leaves the body out
        found = self._direct.get((scope["method"], scope["path"]))
        if found is None:
            await super().__call__(scope, receive, send)
            return
        endpoint, scope["path_params"] = found
        await endpoint(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        return ExceptionMiddleware(self.router, handlers=dict(self.exception_handlers))
