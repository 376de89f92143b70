"""Traces for OpenTelemetry, when its standard environment variables name an endpoint.

`http.endpoint` makes a span per request, `serving.inference` two more: the wait in the queue, and
the model's call. OpenTelemetry is imported by `start` only, so that nobody else pays for it.
"""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"


class ModelSpans(Protocol):
    """What `serving.inference` needs of tracing."""

    def record(
        self, model: str, version: str, rows: int, submitted: float, began: float, ended: float
    ) -> None: ...


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none":
        return False
    return any(environment.get(name) for name in _ENDPOINTS)


def start(
    environment: Mapping[str, str], version: str, model_deployment: str, revision: str
) -> "Tracing":
    """Begin to export spans over OTLP/HTTP; endpoint, headers, sampler and service name come from
    the standard variables.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), _HTTP)
    if protocol != _HTTP:
        log.warning("traces are sent as %s, this server can't do %s", _HTTP, protocol)
    attributes = {
        "service.version": version,
        "transit.model_deployment": model_deployment,
        "transit.revision": revision,
    }
    named = "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not named and not environment.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = "transit-server"
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class Tracing:
    """Makes the spans."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._context = context
        self._provider = provider
        self._tracer = provider.get_tracer("transit_server")
        self._propagator = TraceContextTextMapPropagator()

    def request(self, method: str, route: str, headers: list[tuple[bytes, bytes]]) -> "RequestSpan":
        """The span of a request, child of the caller's if it sent a W3C `traceparent`."""
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers
            if name in (b"traceparent", b"tracestate")
        }
        span = self._tracer.start_span(
            f"{method} {route}",
            context=self._propagator.extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
        )
        token = self._context.attach(self._trace.set_span_in_context(span))
        return RequestSpan(self, span, token)

    def ended(self, span: Any, token: Any, status: int, attributes: Mapping[str, str]) -> None:
        """Close a request's span."""
        span.set_attributes({"http.response.status_code": status, **attributes})
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)
        self._context.detach(token)
        span.end()

    def record(
        self, model: str, version: str, rows: int, submitted: float, began: float, ended: float
    ) -> None:
        """The spans inside the present request: `queue` and `model`. Times are those of
        `time.monotonic()`.
        """
        offset = time.time() - time.monotonic()
        attributes: dict[str, str | int] = {
            "transit.model": model,
            "transit.version": version,
            "transit.rows": rows,
        }
        for name, begin, end in (
            ("queue", submitted, began),
            ("model", began, ended),
        ):
            span = self._tracer.start_span(
                name, attributes=attributes, start_time=int((begin + offset) * 1e9)
            )
            span.end(int((end + offset) * 1e9))

    def close(self) -> None:
        """Export what is left; takes as long as the exporter's time-out at most."""
        self._provider.shutdown()


class RequestSpan:
    """A request's span while it lasts."""

    def __init__(self, tracing: Tracing, span: Any, token: Any) -> None:
        self._tracing = tracing
        self._span = span
        self._token = token

    def end(self, status: int, attributes: Mapping[str, str]) -> None:
        self._tracing.ended(self._span, self._token, status, attributes)
