"""What Kubernetes and Prometheus ask: /health/live, /health/ready, /metrics."""

import asyncio

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from transit_server.api.catalog import Catalog, Others
from transit_server.http.endpoint import Call
from transit_server.http.replies import Reply
from transit_server.metrics import Metrics


class ProbeRoutes:
    """Endpoints for machines; never behind authentication."""

    def __init__(self, catalog: Catalog, metrics: Metrics, others: Others | None = None) -> None:
        self._catalog = catalog
        self._others = others
        self._metrics = metrics

    async def live(self, call: Call) -> Response:
        """The process answers; says nothing of models."""
        return Reply(b'{"status":"alive"}')

    async def ready(self, call: Call) -> Response:
        """200 only when every model is loaded, verified and warmed up, and the server is not
        draining. A circuit that isn't closed is told, and is no reason by itself. Of several
        workers, all have to be ready; circuits are those of the one that is asked.
        """
        answer: dict[str, object] = {"status": "ready"}
        why = await self._catalog.server_not_ready_because()
        if why is not None:
            answer = {"status": "not ready", "reason": why}
        if circuits := self._catalog.circuits():
            answer["circuits"] = circuits
        return Reply(msgspec.json.encode(answer), 200 if why is None else 503)

    async def metrics(self, call: Call) -> Response:
        """Metrics in the text format of Prometheus, those of all workers as one."""
        if self._others is not None:
            text = await self._others.metrics()
            return Reply(text, content_type=CONTENT_TYPE_LATEST.encode())
        held = self._metrics.feedback.held()
        text = await asyncio.to_thread(self._metrics.expose)
        self._metrics.feedback.shown(held)
        return Reply(text, content_type=CONTENT_TYPE_LATEST.encode())
