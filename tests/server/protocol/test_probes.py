"""The second port: what Kubernetes and Prometheus ask, whatever the first one has to do."""

import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from tests.server.running import RunningServer, eventually


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_probes_are_on_their_own_port_only(trees: RunningServer, path: str) -> None:
    assert trees.probes.get(path).status_code == 200
    head = trees.probes.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert trees.probes.post(path).status_code == 405
    assert trees.client.get(path).status_code == 404


def test_the_probes_port_serves_nothing_else(trees: RunningServer) -> None:
    assert trees.probes.get("/api/v1/models").status_code == 404


@pytest.mark.parametrize(
    "path", ["/health", "/api/v1/health", "/v2/health/live", "/v2/health/ready", "/v2", "/docs"]
)
def test_what_clients_ask_is_on_the_first_also_by_head(trees: RunningServer, path: str) -> None:
    said = trees.client.get(path)
    assert said.status_code == 200
    head = trees.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(said.content))


# A server whose main thread sleeps when it is told to.
_SLEEPS = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(40))
"""


def test_an_event_loop_that_stands_still(store: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_SLEEPS)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3]), *sys.path])
    models = {"random_forest": "1.0.0"}
    with RunningServer(store, tmp_path / "work", models, PYTHONPATH=path) as server:
        server.until_ready()
        assert server.predict([1.0] * 784).status_code == 200
        server.process.send_signal(signal.SIGUSR1)
        eventually(lambda: server.status("/health/ready") == 503, "readiness to tell", 30)
        assert "has stood still" in server.probes.get("/health/ready").json()["reason"]
        assert server.status("/health/live") == 200, "a pause is no death"
        assert server.status("/metrics") == 200
        eventually(lambda: server.status("/health/live") == 503, "liveness to tell", 40)
        eventually(lambda: server.status("/health/live") == 200, "the loop to go on", 60)
        assert server.status("/health/ready") == 200
        assert server.predict([1.0] * 784).status_code == 200


def test_a_port_that_is_taken_is_told(store: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        models = {"random_forest": "1.0.0"}
        with RunningServer(store, tmp_path, models, TRANSIT_PROBE_PORT=str(port)) as server:
            assert server.process.wait(60) == 2
            assert f"and {port}" in server.termination_log.read_text()


def _ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_both_families_are_listened_on(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"random_forest": "1.0.0"}, host="") as server:
        server.until_ready()
        for address in ("127.0.0.1", *(["[::1]"] if _ipv6() else [])):
            for port, path in ((server.port, "/health"), (server.probe_port, "/health/ready")):
                assert httpx.get(f"http://{address}:{port}{path}").status_code == 200
