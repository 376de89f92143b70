"""Traces against a real OTLP/HTTP receiver, and their absence when nobody asked for them."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.server.running import RunningServer, eventually
from transit_server.observability import tracing

ROW = [1.0] * 784
BAD = [1000.0, *ROW[1:]]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Receiver:
    """What arrived: resources and spans."""

    def __init__(self) -> None:
        self.resources: list[dict[str, Any]] = []
        self.spans: list[Any] = []
        self.url = ""

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for resource_spans in request.resource_spans:
            self.resources.append(values(resource_spans.resource.attributes))
            for scope_spans in resource_spans.scope_spans:
                self.spans += scope_spans.spans

    def named(self, name: str, count: int = 1) -> list[Any]:
        """At least `count` spans of that name, once they are there."""

        def look() -> list[Any] | None:
            found = [span for span in self.spans if span.name == name]
            return found if len(found) >= count else None

        return eventually(look, f"{count} spans {name!r}", 20)


def values(attributes: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        receiver.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield receiver
        http.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def traced(
    store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningServer, Receiver]]:
    work = tmp_path_factory.mktemp("traced")
    with (
        receiving() as receiver,
        RunningServer(
            store,
            work,
            {"raises": "1.0.0"},
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            OTEL_BSP_SCHEDULE_DELAY="200",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
        ) as server,
    ):
        yield server.until_ready(), receiver


def test_a_request_its_queue_and_its_model(traced: tuple[RunningServer, Receiver]) -> None:
    server, receiver = traced
    response = server.client.post(
        "/api/v1/predict",
        json={"features": ROW},
        headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "order-67"},
    )
    assert response.status_code == 200

    def of_this_trace(name: str) -> Any:
        return next((s for s in receiver.spans
                     if s.name == name and s.trace_id.hex() == TRACE), None)  # fmt: skip

    request = eventually(lambda: of_this_trace("POST /api/v1/predict"), "the span", 20)
    queue, model = of_this_trace("queue"), of_this_trace("model")
    assert request.parent_span_id.hex() == PARENT
    assert request.kind == 2  # SERVER
    assert values(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/predict",
        "http.response.status_code": 200,
        "transit.request_id": "order-67",
    }
    for span in (queue, model):
        assert span.parent_span_id == request.span_id
        assert values(span.attributes) == {
            "transit.model": "raises",
            "transit.version": "1.0.0",
            "transit.rows": 1,
        }
    # In their order; a millisecond's slack, because three clocks are compared.
    slack = 1_000_000
    assert request.start_time_unix_nano - slack <= queue.start_time_unix_nano
    assert queue.start_time_unix_nano <= queue.end_time_unix_nano == model.start_time_unix_nano
    assert model.start_time_unix_nano < model.end_time_unix_nano
    assert model.end_time_unix_nano <= request.end_time_unix_nano + slack
    assert (
        receiver.resources[0].items()
        >= {
            "service.name": "transit-server",
            "transit.model_deployment": "ml/kepler",
            "transit.revision": "7f9c4d2b1a",
            "deployment.environment": "test",
        }.items()
    )


def test_errors_are_marked(traced: tuple[RunningServer, Receiver]) -> None:
    server, receiver = traced
    server.client.post("/v2/models/raises/infer", content=b"{")
    server.client.post("/api/v1/models/raises/predict", json={"features": BAD})
    (wrong,) = receiver.named("POST /v2/models/{name}/infer")
    assert values(wrong.attributes)["http.response.status_code"] == 400
    assert values(wrong.attributes)["error.type"] == "malformed_body"
    assert wrong.status.code == 0  # a client's mistake is no error of the server
    (failed,) = receiver.named("POST /api/v1/models/{name}/predict")
    assert failed.status.code == 2


def test_what_is_left_is_sent_at_the_end(store: Path, tmp_path: Path) -> None:
    with (
        receiving() as receiver,
        RunningServer(
            store,
            tmp_path,
            {"raises": "1.0.0"},
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{receiver.url}/v1/traces",
            OTEL_BSP_SCHEDULE_DELAY="3600000",
            OTEL_SERVICE_NAME="kepler",
        ) as server,
    ):
        server.until_ready()
        server.predict(ROW)
        assert receiver.spans == []
        server.process.terminate()
        assert server.process.wait(20) == 0
        assert len(receiver.named("POST /api/v1/predict")) == 1
        assert receiver.resources[0]["service.name"] == "kepler"


def test_a_receiver_that_is_away_harms_nobody(store: Path, tmp_path: Path) -> None:
    with RunningServer(
        store,
        tmp_path,
        {"raises": "1.0.0"},
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_BSP_SCHEDULE_DELAY="100",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    ) as server:
        server.until_ready()
        assert [server.predict(ROW).status_code for _ in range(20)] == [200] * 20
        server.process.terminate()
        assert server.process.wait(20) == 0


def test_nothing_is_imported_when_nobody_asks(
    trees: RunningServer, traced: tuple[RunningServer, Receiver]
) -> None:
    """Protobuf's extension, which the exporter needs, shows whether it was."""

    def has_protobuf(server: RunningServer) -> bool:
        return "google/_upb" in Path(f"/proc/{server.process.pid}/maps").read_text()

    assert has_protobuf(traced[0])
    assert not has_protobuf(trees)


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, False),
    ],
)
def test_when_it_is_asked_for(environment: dict[str, str], asked: bool) -> None:
    assert tracing.wanted(environment) is asked
