"""Whatever answers in Prometheus' place: numbers, or a problem with words, and never anything else.

The bodies come over HTTP from a server on loopback, to the client that the operator has; what it
takes for numbers is judged, and what is said of it fits into a status.
"""

import asyncio
import copy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.hostile import TEXTS, spoilt, values
from tests.unit.scenes import R1, R2, rolling, rollout
from tests.unit.stories.test_hostile_objects import is_told
from transit_operator.adapters.asking import Client, QueryFailed
from transit_operator.api.config.prometheus import PrometheusConfig
from transit_operator.core.observed import Problem, Readings, RevisionReadings, Sample
from transit_operator.core.signals.samples.query import own

VECTOR: dict[str, Any] = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [
            {"metric": {"model": "forest", "status": status}, "value": [1.5, "10"]}
            for status in ("success", "error")
        ],
    },
}
BODIES = st.one_of(
    spoilt(VECTOR).map(lambda document: json.dumps(document).encode()),
    values.map(lambda document: json.dumps(document).encode()),
    st.binary(max_size=50),
    st.sampled_from(
        [
            b"[" * 200_000,
            b'{"data": {"result": [{"metric": {}, "value": [0, ' + 5_000 * b"9" + b"]}]}}",
            b'{"data": {"result": [{"metric": {}, "value": [0, ' + 400 * b"9" + b"]}]}}",
            b"<html>" + 1_000_000 * b"x",
        ]
    ),
)


class Anything(BaseHTTPRequestHandler):
    """Answers with the server's body."""

    def do_POST(self) -> None:
        server: Any = self.server
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:
        """No news."""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Anything) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def answered(url: str) -> list[Sample] | Problem:
    client = Client(PrometheusConfig.model_validate({"url": url}))
    try:
        return asyncio.run(client.query("up"))
    except QueryFailed as failed:
        return failed.problem
    finally:
        client.close()


@given(body=BODIES, status=st.sampled_from([200, 200, 200, 200, 204, 400, 500, 503]))
def test_an_answer_is_samples_or_a_problem(server: Any, body: bytes, status: int) -> None:
    server.body, server.status = body, status
    answer = answered(f"http://127.0.0.1:{server.server_port}")
    if isinstance(answer, Problem):
        assert answer.reason in ("PrometheusMalformed", "PrometheusError")
        assert 0 < len(answer.message) < 500
        return
    for labels, value in answer:
        assert all(isinstance(text, str) for text in labels.values())
        assert isinstance(value, float)


COUNTS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 1e308, 5e-324, -1.0, 2.0**63]),
    st.integers(0, 1000).map(float),
)
WORDS = st.sampled_from(["forest", "success", "error", "invalid", "correct", "wrong", *TEXTS])
LABELS = st.fixed_dictionaries(
    {"model_deployment": st.just("ml/m"), "namespace": st.sampled_from(["ml", "ml", "other", ""])},
    optional={
        "model": WORDS | st.just("x" * 10_000),
        "status": WORDS,
        "class": WORDS | st.text(max_size=300),
        "outcome": WORDS,
        "version": WORDS,
        "le": st.sampled_from(["0.005", "0.1", "1", "-1", "0", "+Inf", "NaN", "-Inf", "1e999", ""])
        | st.text(max_size=5),
    },
)
SAMPLES = st.lists(st.tuples(LABELS, COUNTS), max_size=12)
CUSTOM = [{"name": "c", "query": "q", "max": 1}]
WORLD = rolling(10, **rollout(analysis={"custom": CUSTOM}))
QUERIES = ("predictions", "latencies", "classes", "feedback", "dependencies")


def believed(samples: list[tuple[dict[str, str], float]]) -> tuple[Sample, ...]:
    return own(samples, "namespace").samples.get(("ml/m", ""), ())


@st.composite
def readings(draw: st.DrawFn) -> RevisionReadings:
    drawn = {query: believed(draw(SAMPLES)) for query in QUERIES}
    return RevisionReadings({query: samples for query, samples in drawn.items() if samples})


@given(
    candidate=readings(),
    stable=readings(),
    custom=st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_samples_are_judged_and_what_is_said_of_them_is_json(
    candidate: RevisionReadings, stable: RevisionReadings, custom: float
) -> None:
    world = copy.deepcopy(WORLD)
    world.readings = Readings(candidate=candidate, stable=stable, custom={"c": custom})
    world.run(15, step=15)
    written = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    json.dumps(written, allow_nan=False)
    is_told(written)
    assert world.traffic.keys() <= {R1, R2}
