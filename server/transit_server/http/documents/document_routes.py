"""The OpenAPI document, and the page that shows it: everything from this server, since many
clusters reach no other.
"""

import asyncio
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from fastapi.openapi.docs import get_swagger_ui_html

from transit_server.errors import UnknownPath
from transit_server.http.replies import Reply
from transit_server.http.request import HttpRequest
from transit_server.serving.registry import Registry

_ASSETS = {
    "swagger-ui.css": b"text/css",
    "swagger-ui-bundle.js": b"text/javascript",
    "favicon.png": b"image/png",
}
_KEPT = (b"cache-control", b"public, max-age=86400")


class DocumentRoutes:
    """`make` gives the document as it is now. It is made once for each change of the models that
    are ready, on another thread, since one with long rows takes a tenth of a second.
    """

    def __init__(self, registry: Registry, title: str, make: Callable[[], dict[str, Any]]) -> None:
        self._registry = registry
        self._make = make
        self._made: tuple[object, bytes] | None = None
        self._making = asyncio.Lock()
        page = get_swagger_ui_html(
            openapi_url="openapi.json",
            title=title,
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="docs/favicon.png",
        )
        self._page = bytes(page.body)

    async def document(self, request: HttpRequest) -> Reply:
        """The OpenAPI document."""
        ready = self._ready()
        if self._made is None or self._made[0] != ready:
            async with self._making:
                ready = self._ready()
                if self._made is None or self._made[0] != ready:
                    self._made = ready, await asyncio.to_thread(self._encoded)
        return Reply(self._made[1])

    async def page(self, request: HttpRequest) -> Reply:
        """The document for people."""
        return Reply(self._page, content_type=b"text/html; charset=utf-8")

    async def asset(self, request: HttpRequest) -> Reply:
        """What the page needs."""
        name = request.path_params["file"]
        if name not in _ASSETS:
            raise UnknownPath("there is no such file")
        body = await asyncio.to_thread((_assets() / name).read_bytes)
        reply = Reply(body, content_type=_ASSETS[name])
        reply.raw_headers.append(_KEPT)
        return reply

    def _ready(self) -> tuple[bool, ...]:
        return tuple(model is not None for _, model in self._registry.every())

    def _encoded(self) -> bytes:
        return msgspec.json.encode(self._make())


def _assets() -> Path:
    """Where `fastapi-offline` keeps them; nothing of its code is needed."""
    found = importlib.util.find_spec("fastapi_offline")
    if found is None or found.origin is None:
        raise UnknownPath("the package fastapi-offline, which has the page's scripts, is missing")
    return Path(found.origin).parent / "static"
