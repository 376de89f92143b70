"""What Kubernetes and Prometheus ask: /health/live, /health/ready, /metrics."""

import asyncio

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from transit_server.api.catalog import Catalog
from transit_server.http.replies import Reply
from transit_server.http.request import HttpRequest
from transit_server.observability.metrics import Metrics


class ProbeRoutes:
    """Endpoints for machines; never behind authentication."""

    def __init__(self, catalog: Catalog, metrics: Metrics) -> None:
        self._catalog = catalog
        self._metrics = metrics

    async def live(self, request: HttpRequest) -> Response:
        """The process answers; says nothing of models."""
        return Reply(b'{"status":"alive"}')

    async def ready(self, request: HttpRequest) -> Response:
        """200 only when every model is loaded, verified, warmed up and answering, and the server is
        not draining.
        """
        why = self._catalog.not_ready_because()
        answer = {"status": "ready"} if why is None else {"status": "not ready", "reason": why}
        return Reply(msgspec.json.encode(answer), 200 if why is None else 503)

    async def metrics(self, request: HttpRequest) -> Response:
        """Metrics in the text format of Prometheus."""
        held = self._metrics.feedback.held()
        text = await asyncio.to_thread(self._metrics.expose)
        self._metrics.feedback.shown(held)
        return Reply(text, content_type=CONTENT_TYPE_LATEST.encode())
