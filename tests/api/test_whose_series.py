"""A real Prometheus that scrapes pods of several namespaces: whose word counts for whom.

The pods are pages of one server on loopback; what `kubernetes_sd_configs` would set of a pod is set
by the scrape's own labels. docs/decisions/0046-whose-series-they-are.md
"""

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dev.cluster import paths, versions
from tests.support import eventually
from transit_operator.adapters.prometheus import Prometheus
from transit_operator.api.analysis import Analysis
from transit_operator.api.config.prometheus import PrometheusConfig
from transit_operator.core.observed import Readings
from transit_operator.core.signals.accuracy import Feedback, feedback
from transit_operator.core.signals.registry import queries
from transit_operator.core.signals.samples import classes, counts, histogram

ANALYSIS = Analysis.model_validate(
    {"interval": "5s", "window": "60s", "accuracy": {"maxDrop": 0.05}}
)
MINE, UNPLACED = "ml/kepler", "ml/unplaced"

# page → the labels that the scrape gives its target, whom it speaks for, and what it says
PODS: dict[str, tuple[dict[str, str], str, dict[str, str]]] = {
    "own": ({"namespace": "ml"}, MINE, {}),
    "foreign": ({"namespace": "evil"}, MINE, {}),
    "liar": ({"namespace": "evil"}, MINE, {"namespace": "ml"}),
    "elsewhere": ({}, MINE, {}),
    "nowhere": ({}, UNPLACED, {}),
}


def page(name: str, seconds: float) -> str:
    """What a pod exposes: `own` does well, the others say that everything fails."""
    _, deployment, more = PODS[name]
    count = 10 * seconds
    status, outcome = ("success", "correct") if name == "own" else ("error", "wrong")
    labels = {"model_deployment": deployment, "revision": "new", "model": "m", "version": "1.0.0"}

    def line(metric: str, **its: str) -> str:
        said = ",".join(f'{k}="{v}"' for k, v in (labels | more | its).items())
        return f"{metric}{{{said}}} {count}\n"

    return (
        line("predictions_total", status=status)
        + line("prediction_latency_seconds_bucket", le="0.01" if name == "own" else "9")
        + line("prediction_latency_seconds_bucket", le="+Inf")
        + line("predicted_class_total", **{"class": "a" if name == "own" else "z"})
        + line("prediction_feedback_total", outcome=outcome)
    )


@pytest.fixture(scope="module")
def pods() -> Iterator[int]:
    """The port of the pages."""
    began = time.monotonic()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page(self.path.strip("/"), time.monotonic() - began).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are no news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def prometheus(pods: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that scrapes every page, each second."""
    binary = paths.binary("prometheus", versions.PROMETHEUS)
    if not binary.is_file():
        pytest.fail(f"{binary} is missing: make test builds it, so does make cluster-up")
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}",
            "static_configs": [{"targets": [f"127.0.0.1:{pods}"], "labels": {"pod": name, **by}}],
        }
        for name, (by, _, _) in PODS.items()
    ]
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
    (folder / "prometheus.json").write_text(json.dumps(config))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'prometheus.json'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually("every pod is known", lambda: _all_are_known(url, process, folder / "log"), 60)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _all_are_known(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether nobody would be left out of an increase any more: where all are believed."""
    assert process.poll() is None, log.read_text()
    found = read(url, "", MINE, UNPLACED)
    errors = [counts.pooled(counts.by_model(r.candidate)).error for r in found]
    return not any(r.problems for r in found) and min(errors) > 0 and read_all(url) == len(PODS)


def read_all(url: str) -> int:
    """How many pods have been scraped at least twice."""

    async def ask() -> int:
        client = Prometheus(PrometheusConfig(url=url))
        try:
            return len(await client.query("count_over_time(predictions_total[60s]) >= 2"))
        finally:
            client.close()

    return asyncio.run(ask())


def read(url: str, label: str, *names: str, counted: list[str] | None = None) -> list[Readings]:
    """What is believed of some ModelDeployments that are asked for at one moment."""

    async def ask() -> list[Readings]:
        config = PrometheusConfig(url=url, namespace_label=label)
        client = Prometheus(config, (counted if counted is not None else []).append)
        try:
            asked = (client.readings(ANALYSIS, name, "new", "old") for name in names)
            return list(await asyncio.gather(*asked))
        finally:
            client.close()

    return asyncio.run(ask())


def test_only_pods_of_the_namespace_speak_for_it(prometheus: str) -> None:
    (found,) = read(prometheus, "namespace", MINE)
    assert found.problems == {}
    (said,) = counts.by_model(found.candidate).values()
    assert (said.success > 0, said.error) == (True, 0)
    assert set(classes.by_model(found.candidate)["m"]) == {"a"}
    assert histogram.by_model(found.candidate)["m"].quantile(0.99) <= 0.01
    labels = feedback(found.candidate)
    assert (labels.correct > 0, labels.wrong) == (True, 0)


def test_without_the_label_every_signal_says_so(prometheus: str) -> None:
    (found,) = read(prometheus, "namespace", UNPLACED)
    assert {name: p.reason for name, p in found.problems.items()} == dict.fromkeys(
        (query.name for query in queries(ANALYSIS)), "NoNamespace"
    )
    assert counts.by_model(found.candidate) == {}
    assert feedback(found.candidate) == Feedback(0, 0)


def test_where_it_is_turned_off_everybody_speaks_for_everybody(prometheus: str) -> None:
    mine, unplaced = read(prometheus, "", MINE, UNPLACED)
    said = counts.pooled(counts.by_model(mine.candidate))
    assert said.error > 2 * said.success > 0
    assert counts.pooled(counts.by_model(unplaced.candidate)).error > 0


def test_it_is_one_query_for_each_signal_all_the_same(prometheus: str) -> None:
    counted: list[str] = []
    read(prometheus, "namespace", *(f"ns{n}/m{n}" for n in range(40)), counted=counted)
    assert counted == ["ok"] * len(counted)
    # Who comes first is asked for alone, and all others together; libraries are asked for too.
    assert len(counted) <= 2 * (len(queries(ANALYSIS)) + 1)
