"""What Kubernetes and Prometheus ask, on a port of its own: /health/live, /health/ready, /metrics.

The application of the second listener, which has an event loop and a thread of its own
(`runtime.probe_server`): it answers whatever the first one has to do, and tells the truth about it.
"""

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import Receive, Scope, Send

from transit_server.api.catalog import Catalog
from transit_server.http.replies import Reply
from transit_server.observability.metrics import Metrics
from transit_server.runtime.heartbeat import Heartbeat

_NOT_READY_AFTER = 5.0
_DEAD_AFTER = 20.0


class Probes:
    """An ASGI application; `heartbeat` is that of the first event loop."""

    def __init__(self, catalog: Catalog, metrics: Metrics, heartbeat: Heartbeat) -> None:
        self._catalog = catalog
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._routes = {
            "/health/live": self.live,
            "/health/ready": self.ready,
            "/metrics": self.metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._routes.get(scope["path"])
        if answer is None:
            reply = Reply(b'{"error":"not found"}', 404)
        elif scope["method"] not in ("GET", "HEAD"):
            reply = Reply(b'{"error":"method not allowed"}', 405)
            reply.raw_headers.append((b"allow", b"GET, HEAD"))
        else:
            reply = answer()
        await reply(scope, receive, send)

    def live(self) -> Reply:
        """The process answers, and the event loop of its requests moves; says nothing of models."""
        late = self._heartbeat.late
        if late > _DEAD_AFTER:
            return _json({"status": "dead", "reason": _stands(late)}, 503)
        return _json({"status": "alive"})

    def ready(self) -> Reply:
        """200 only when every model is loaded, verified, warmed up and answering, the event loop
        moves, and the server is not draining.
        """
        why = self._catalog.not_ready_because()
        late = self._heartbeat.late
        if why is None and late > _NOT_READY_AFTER:
            why = _stands(late)
        if why is not None:
            return _json({"status": "not ready", "reason": why}, 503)
        return _json({"status": "ready"})

    def metrics(self) -> Reply:
        """Metrics in the text format of Prometheus."""
        held = self._metrics.feedback.held()
        text = self._metrics.expose()
        self._heartbeat.soon(lambda: self._metrics.feedback.shown(held))
        return Reply(text, content_type=CONTENT_TYPE_LATEST.encode())


def _stands(late: float) -> str:
    return f"the event loop has stood still for {late:.0f} s"


def _json(answer: object, status: int = 200) -> Reply:
    return Reply(msgspec.json.encode(answer), status)
