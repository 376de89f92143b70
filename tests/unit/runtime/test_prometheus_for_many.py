"""Many rollouts and slow tenants, against a real server on loopback that answers when it will."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from transit_operator.adapters.asking import QueryFailed
from transit_operator.adapters.fair import FairSlots
from transit_operator.adapters.prometheus import Prometheus
from transit_operator.api.analysis import Analysis
from transit_operator.api.config.prometheus import PrometheusConfig
from transit_operator.api.status import Verdict
from transit_operator.core.observed import Problem, Readings, RevisionReadings
from transit_operator.core.signals.evidence import Input
from transit_operator.core.signals.registry import judge
from transit_operator.core.signals.samples.counts import Counts, by_model
from transit_operator.core.signals.samples.query import DEPENDENCIES

NOW = 1_000_000_000.0
ANSWERED = ("predictions_total", "model_dependencies_differing")


class Server(ThreadingHTTPServer):
    """Answers 1 to every query after a pause of its own, and counts what is asked at one time."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, pauses: dict[str, float], namespace: str | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pauses = pauses
        self.namespace = namespace  # what every series says; None: each its ModelDeployment's own
        self.asked: list[str] = []
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Who waits no longer has gone."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        query = parse_qs(self.path.partition("?")[2])["query"][0]
        with self.server.lock:
            self.server.asked.append(query)
        time.sleep(next((s for part, s in self.server.pauses.items() if part in query), 0.0))
        result = json.dumps(
            {"status": "success", "data": {"resultType": "vector", "result": self._result(query)}}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(result)))
        self.end_headers()
        self.wfile.write(result)

    def log_message(self, format: str, *args: object) -> None:
        """No news."""

    def _result(self, query: str) -> list[dict[str, Any]]:
        found = re.search(rf'({"|".join(ANSWERED)})\{{model_deployment=~"([^"]+)"', query)
        if found is None:
            return [{"metric": {}, "value": [0, "1"]}] if "custom" in query else []
        said = self.server.namespace
        return [
            {
                "metric": {
                    "model_deployment": name,
                    "revision": revision,
                    "namespace": name.partition("/")[0] if said is None else said,
                    "model": "forest",
                    "status": "success",
                },
                "value": [0, "10"],
            }
            for name in found[2].split("|")
            for revision in ("new", "old")
        ]


@contextmanager
def serving(pauses: dict[str, float], namespace: str | None = None) -> Iterator[Server]:
    server = Server(pauses, namespace)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def analysis(*queries: str, interval: str = "15s") -> Analysis:
    custom = [{"name": f"c{n}", "query": query, "max": 2} for n, query in enumerate(queries)]
    return Analysis.model_validate({"interval": interval, "custom": custom})


async def until_known(
    prometheus: Prometheus, rule: Analysis, name: str, seconds: float
) -> Readings:
    """Ask as evaluations do, until every custom query has an answer."""
    async with asyncio.timeout(seconds):
        while True:
            readings = await prometheus.readings(rule, name, "new", "old")
            if len(readings.custom) == len(rule.custom):
                return readings
            await asyncio.sleep(0.1)


def test_two_hundred_rollouts_at_one_moment_are_a_handful_of_queries() -> None:
    with serving({"predictions_total": 0.05}) as server:

        async def run() -> list[Readings]:
            prometheus = Prometheus(PrometheusConfig(url=server.url))
            try:
                return await asyncio.gather(
                    *(prometheus.readings(Analysis(), f"n{n % 7}/m{n}", "new", "old")
                      for n in range(200))
                )  # fmt: skip
            finally:
                prometheus.close()

        found = asyncio.run(run())
    assert all(by_model(r.candidate) == {"forest": Counts(success=10)} for r in found)
    assert not any(r.problems for r in found)
    assert len(server.asked) <= 4 * 6
    assert all(len(query) < 4000 for query in server.asked)


def test_two_hundred_rollouts_with_two_queries_of_a_quarter_second_are_none_slow() -> None:
    results: list[str] = []
    with serving({"custom": 0.25}) as server:

        async def run() -> list[Readings]:
            config = PrometheusConfig(url=server.url)
            prometheus = Prometheus(config, results.append)
            rule = analysis("custom_a{{{name}}}", "custom_b{{{name}}}")
            try:
                return await asyncio.gather(
                    *(until_known(prometheus, rule, f"n{n % 20}/m{n}", 60) for n in range(200))
                )
            finally:
                prometheus.close()

        found = asyncio.run(run())
    assert set(results) == {"ok"}
    assert all(set(readings.custom.values()) == {1.0} for readings in found)


def test_a_tenant_with_slow_queries_delays_nobody_elses_verdict() -> None:
    with serving({"slow": 9.0}) as server:

        async def run() -> float:
            prometheus = Prometheus(PrometheusConfig(url=server.url, timeout_seconds=10))
            greedy = analysis(*(f"custom_slow_{n}" for n in range(16)))
            began = time.monotonic()
            try:
                await prometheus.readings(greedy, "greedy/m", "new", "old")
                rule = analysis("custom_quick{{{name}}}")
                others = await asyncio.gather(
                    *(until_known(prometheus, rule, f"n{n}/m", 8) for n in range(50))
                )
                assert all(readings.custom == {"c0": 1.0} for readings in others)
                assert not any(readings.problems for readings in others)
                return time.monotonic() - began
            finally:
                prometheus.close()

        assert asyncio.run(run()) < 8


def test_no_evaluation_waits_for_a_custom_query() -> None:
    with serving({"slow": 2.0}) as server:

        async def run() -> tuple[Readings, float]:
            prometheus = Prometheus(PrometheusConfig(url=server.url))
            began = time.monotonic()
            try:
                found = await prometheus.readings(analysis("custom_slow"), "a/m", "new", "old")
                return found, time.monotonic() - began
            finally:
                prometheus.close()

        found, took = asyncio.run(run())
    assert found.custom == {}
    assert took < 1.5


@pytest.mark.parametrize(
    ("pauses", "there"),
    [({"predictions_total": 0.3}, True), ({"model_dependencies_differing": 2.0}, False)],
)
def test_no_evaluation_waits_for_what_is_told_only(pauses: dict[str, float], there: bool) -> None:
    with serving(pauses) as server:

        async def run() -> tuple[Readings, float]:
            prometheus = Prometheus(PrometheusConfig(url=server.url))
            began = time.monotonic()
            try:
                found = await prometheus.readings(Analysis(), "a/m", "new", "old")
                return found, time.monotonic() - began
            finally:
                prometheus.close()

        found, took = asyncio.run(run())
    assert by_model(found.candidate) == {"forest": Counts(success=10)}
    assert [bool(DEPENDENCIES.of(r)) for r in (found.candidate, found.stable)] == [there, there]
    assert not found.problems
    assert took < 1.5


def test_queries_after_the_first_are_spread_over_the_interval() -> None:
    with serving({}) as server:

        async def run() -> None:
            prometheus = Prometheus(PrometheusConfig(url=server.url))
            rule = analysis("custom_x{{{name}}}", interval="30s")
            try:
                names = [f"n/m{n}" for n in range(20)]
                await asyncio.gather(*(until_known(prometheus, rule, n, 5) for n in names))
                before = sum("custom_x" in query for query in server.asked)
                await asyncio.gather(*(prometheus.readings(rule, n, "new", "old") for n in names))
                await asyncio.sleep(0.3)
                assert sum("custom_x" in query for query in server.asked) - before < 5
            finally:
                prometheus.close()

        asyncio.run(run())


def test_an_answer_that_is_too_slow_is_a_problem_of_that_query_only() -> None:
    with serving({"slow": 3.0}) as server:

        async def run() -> Readings:
            prometheus = Prometheus(PrometheusConfig(url=server.url, timeout_seconds=0.2))
            try:
                return await until_known(
                    prometheus, analysis("custom_slow", "custom_quick"), "a/m", 5
                )
            finally:
                prometheus.close()

        found = asyncio.run(run())
    slow = found.custom["c0"]
    assert isinstance(slow, Problem)
    assert slow.reason == "PrometheusSlow"
    assert found.custom["c1"] == 1.0
    assert found.problems == {}


def read(server: Server) -> Readings:
    """Ask once, with the defaults."""

    async def run() -> Readings:
        prometheus = Prometheus(PrometheusConfig(url=server.url))
        try:
            return await prometheus.readings(Analysis(), "ml/m", "new", "old")
        finally:
            prometheus.close()

    return asyncio.run(run())


def test_series_without_a_namespace_are_no_data_and_say_why() -> None:
    with serving({}, namespace="") as server:
        found = read(server)
    assert found.candidate == RevisionReadings()
    (evidence,) = (e for e in judge(Input(Analysis(), found, NOW)) if e.signal == "errorRate")
    assert (evidence.verdict, evidence.reason) == (Verdict.NO_DATA, "NoNamespace")
    assert "prometheus.namespaceLabel" in (evidence.message or "")


def test_series_of_another_namespace_are_as_if_they_werent_there() -> None:
    with serving({}, namespace="evil") as server:
        found = read(server)
    assert found.candidate == RevisionReadings()
    assert found.problems == {}


def test_a_bug_leaves_nobody_waiting() -> None:
    async def run() -> None:
        prometheus = Prometheus(PrometheusConfig())
        prometheus.close()  # its threads take nothing more
        asked = (prometheus.readings(Analysis(), f"n/m{n}", "new", "old") for n in range(3))
        async with asyncio.timeout(5):
            found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(error, RuntimeError) for error in found)

    asyncio.run(run())


def test_turns_are_fair() -> None:
    async def run() -> list[str]:
        slots, began = FairSlots(2), []

        async def one(tenant: str) -> None:
            async with slots.turn(tenant):
                began.append(tenant)
                await asyncio.sleep(0)

        await asyncio.gather(*(one("crowd") for _ in range(6)), one("one"), one("two"))
        return began

    assert asyncio.run(run())[:3] == ["crowd", "one", "two"]


def test_who_goes_away_gives_its_turn_to_the_next() -> None:
    async def run() -> None:
        slots = FairSlots(1)
        held = asyncio.Event()

        async def hold() -> None:
            async with slots.turn("a"):
                held.set()
                await asyncio.Event().wait()

        holder = asyncio.create_task(hold())
        await held.wait()
        waiting = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting.cancel()
        holder.cancel()
        await asyncio.gather(holder, waiting, return_exceptions=True)
        async with asyncio.timeout(1), slots.turn("b"):
            pass

    asyncio.run(run())


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_no_message_has_the_password(path: str) -> None:
    config = PrometheusConfig(url=f"http://reader:s3cret@127.0.0.1:1{path}", timeout_seconds=0.3)
    prometheus = Prometheus(config)
    try:
        with pytest.raises(QueryFailed) as failed:
            asyncio.run(prometheus.query("up"))
    finally:
        prometheus.close()
    assert (
        failed.value.problem.message == f"Prometheus at http://127.0.0.1:1{path} can't be reached"
    )
