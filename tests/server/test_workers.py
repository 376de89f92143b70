"""Several processes serve as one: real ones, asked over connections that the kernel deals out."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.server.example_store import Data
from tests.server.running import RunningServer, eventually

ROW = [1.0] * 784
SLOW_ROW = [1000.0, *[1.0] * 783]
WHO = {"model": "xgboost", "version": "1.0.0"}


def children(pid: int) -> list[int]:
    """Direct ones, in the order in which they were started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def worker_of(answer: httpx.Response) -> str:
    """Which worker made the request's id."""
    return answer.headers["x-request-id"][: -len("00000000")]


@contextlib.contextmanager
def one_client_each(server: RunningServer, count: int = 2) -> Iterator[list[httpx.Client]]:
    """A kept connection to each worker."""
    with contextlib.ExitStack() as stack:
        found: dict[str, httpx.Client] = {}
        for _ in range(100):
            client = stack.enter_context(httpx.Client(base_url=server.url, timeout=30))
            found.setdefault(worker_of(client.get("/health/live")), client)
            if len(found) == count:
                yield list(found.values())
                return
        raise AssertionError(f"100 connections reached {len(found)} of {count} workers")


@pytest.fixture(scope="module")
def pair(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    work = tmp_path_factory.mktemp("pair")
    with RunningServer(store, work, {"xgboost": "1.0.0"}, workers="2") as server:
        yield server.until_ready()


def test_one_process_by_default(store: Path, tmp_path: Path) -> None:
    code = (
        "import sys, transit_server.main, transit_server.process\n"
        "assert not any(name.startswith('transit_server.workers') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}) as server:
        server.until_ready()
        eventually(lambda: not children(server.process.pid), "only what compiled the model ran")
        assert "transit_server.main" in Path(f"/proc/{server.process.pid}/cmdline").read_text()


def test_sums_are_exact(pair: RunningServer, data: Data) -> None:
    """24 connections, each with its own number of good and bad requests."""
    before = pair.metrics()
    workers: Counter[str] = Counter()
    rows = [[float(value) for value in row] for row in data.rows[:8]]

    def ask(number: int) -> None:
        with httpx.Client(base_url=pair.url, timeout=30) as client:
            for step in range(5 + number):
                answer = client.post("/api/v1/predict", json={"features": rows[step % 8]})
                assert answer.status_code == 200
                workers[worker_of(answer)] += 1
            client.post("/api/v1/predict/batch", json={"features": rows})
            client.post("/api/v1/predict", json={"features": rows[0][1:]})

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(60)
    good = sum(5 + number for number in range(24))
    assert sum(workers.values()) == good
    assert len(workers) == 2

    with one_client_each(pair) as clients:
        texts = [client.get("/metrics").text for client in clients]
    assert texts[0] == texts[1]
    after = pair.metrics()

    def grown(name: str, **labels: str) -> float:
        key = name, frozenset({**WHO, **labels}.items())
        return after[key] - before[key]

    assert grown("predictions_total", status="success") == good + 24 * 8
    assert grown("predictions_total", status="invalid") == 24
    assert grown("predictions_total", status="error") == 0
    assert grown("prediction_latency_seconds_count") == good + 24
    assert grown("prediction_latency_seconds_bucket", le="+Inf") == good + 24
    classes = [labels for name, labels in after if name == "predicted_class_total"]
    assert sum(grown("predicted_class_total", **dict(each)) for each in classes) == good + 24 * 8
    assert pair.metric("model_ready", **WHO) == 1
    states = [pair.metric("model_circuit_state", **WHO, state=state)
              for state in ("closed", "half_open", "open")]  # fmt: skip
    assert states == [1, 0, 0]


def test_feedback_is_seen_at_0_by_whomever_is_asked(pair: RunningServer) -> None:
    by = {"name": "xgboost", "version": "1.0.0", "revision": "bbbb000022"}
    body = {"label": "A", "prediction": "B", "model": by}

    def wrong(client: httpx.Client) -> float:
        lines = [line for line in client.get("/metrics").text.splitlines()
                 if "bbbb000022" in line and 'outcome="wrong"' in line]  # fmt: skip
        assert len(lines) == 1
        return float(lines[0].rsplit(" ", 1)[1])

    with one_client_each(pair) as (first, second):
        for _ in range(3):
            assert first.post("/api/v1/feedback", json=body).status_code == 200
        assert (wrong(second), wrong(second), wrong(first)) == (0, 3, 3)
        for client in (first, second):
            assert client.post("/api/v1/feedback", json=body).status_code == 200
        # New to the second, whose count waits for a scrape; the sum does not fall.
        assert (wrong(first), wrong(second), wrong(first)) == (4, 5, 5)


def test_what_they_tell_each_other_is_private(pair: RunningServer) -> None:
    arguments = Path(f"/proc/{children(pair.process.pid)[0]}/cmdline").read_text().split("\0")
    folder = Path(arguments[arguments.index("transit_server.workers.worker") + 2])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    sockets = sorted(folder.glob("*.sock"))
    assert [path.name for path in sockets] == ["0.sock", "1.sock"]
    for path in sockets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def says(server: RunningServer, path: str, status: int, words: str) -> bool:
    answer = server.client.get(path)
    return answer.status_code == status and words in answer.text


def test_ready_when_all_are(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}, workers="2") as server:
        _, late = eventually(lambda: two_of(server), "two workers")
        os.kill(late, signal.SIGSTOP)  # while it imports its libraries
        server.until_alive()
        eventually(lambda: "is ready after" in server.log.read_text(), "the other's model")
        for path in ("/health/ready", "/v2/health/ready", "/api/v1/health", "/metrics"):
            eventually(partial(says, server, path, 503, "worker 2 does not answer"), path)
        assert server.status("/health/live") == 200
        assert server.predict(ROW).status_code == 200
        os.kill(late, signal.SIGCONT)
        server.until_ready()
        assert server.metric("model_ready", **WHO) == 1


def two_of(server: RunningServer) -> list[int] | None:
    found = children(server.process.pid)
    return found if len(found) == 2 else None


class Load:
    """Clients that ask again and again, half of them slow rows, until the endpoint is gone."""

    def __init__(self, server: RunningServer) -> None:
        self.answers: list[tuple[float, str, int]] = []  # when, by which worker, status
        self.broken: list[str] = []  # for each client that lost its connection, its last worker
        self._gone = threading.Event()
        self._url = server.url
        rows = [ROW] * 10 + [SLOW_ROW] * 10
        self._threads = [threading.Thread(target=self._ask, args=(row,)) for row in rows]
        for thread in self._threads:
            thread.start()
        eventually(lambda: len(self.answers) > 100 and len(self.workers(0)) == 2, "load on both")

    def _ask(self, row: list[float]) -> None:
        worker = ""
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._gone.is_set():
                try:
                    answer = client.post("/api/v1/predict", json={"features": row})
                except httpx.TransportError:
                    self.broken.append(worker)
                    return
                worker = worker_of(answer)
                self.answers.append((time.monotonic(), worker, answer.status_code))

    def workers(self, since: float) -> set[str]:
        return {worker for when, worker, _ in self.answers if when > since}

    def until(self, moment: float) -> None:
        """Stop when somebody has been answered after that."""
        eventually(lambda: self.answers[-1][0] > moment, "more load")
        self._gone.set()
        for thread in self._threads:
            thread.join(30)


def test_a_killed_worker_ends_the_server_and_harms_nobody_else(store: Path, tmp_path: Path) -> None:
    """Every client of the one that is left gets all its answers; also slow ones, and those that ask
    while the server ends.
    """
    with RunningServer(
        store, tmp_path, {"sleeps": "1.0.0"}, workers="2", drain_delay="2s"
    ) as server:
        server.until_ready()
        victim = children(server.process.pid)[1]
        load = Load(server)
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        eventually(lambda: server.status("/health/ready") == 503, "not ready", 2.0)
        load.until(killed + 1.5)
        assert server.process.wait(30) == 1
        (words,) = server.termination_log.read_text().splitlines()
        assert words == "transit-server: worker 2 of 2 was ended by SIGKILL"
        assert server.log.read_text().splitlines()[-1] == words
    assert {status for _, _, status in load.answers} == {200}
    assert len(set(load.broken) - {""}) == 1, "only clients of the killed worker lost anything"
    assert not load.workers(killed + 1.0) & set(load.broken)


def test_sigterm_under_load_answers_everybody(store: Path, tmp_path: Path) -> None:
    with RunningServer(
        store, tmp_path, {"sleeps": "1.0.0"}, workers="2", drain_delay="2s"
    ) as server:
        server.until_ready()
        load = Load(server)
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        eventually(lambda: server.status("/health/ready") == 503, "not ready", 1.0)
        assert server.status("/health/live") == 200
        load.until(told + 1.0)
        assert server.process.wait(30) == 0
        assert time.monotonic() - told >= 2.0
    assert not load.broken
    assert {status for _, _, status in load.answers} == {200}
    assert not server.termination_log.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", "RuntimeError: needs a library that is not here"),
        ("killer", "died while it loaded model killer 1.0.0"),
    ],
)
def test_a_model_that_cannot_be_served(store: Path, tmp_path: Path, name: str, words: str) -> None:
    with RunningServer(store, tmp_path, {name: "1.0.0"}, workers="2") as server:
        assert server.process.wait(60) == 1
        (line,) = server.termination_log.read_text().splitlines()
        assert words in line
        assert server.log.read_text().splitlines()[-1] == line


def test_a_model_that_kills_its_worker(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"dies": "1.0.0"}, workers="2") as server:
        server.until_ready()
        with pytest.raises(httpx.TransportError):
            server.predict(SLOW_ROW)
        assert server.process.wait(30) == 1
        assert "ended with exit code 7" in server.termination_log.read_text()


class Impatient(RunningServer):
    """As `main` starts it, with less patience for a worker that stands still."""

    command = (
        "-c",
        "import os, sys; from transit_server.settings import Settings\n"
        "from transit_server.workers.supervisor import Supervisor\n"
        "sys.exit(Supervisor(Settings.from_environment(os.environ), silence=6.0).run())",
    )


@pytest.mark.timing
def test_a_worker_that_stands_still_is_killed(store: Path, tmp_path: Path) -> None:
    with Impatient(store, tmp_path, {"xgboost": "1.0.0"}, workers="2") as server:
        server.until_ready()
        time.sleep(7.0)  # longer than its patience: it is not killed while it moves
        assert server.status("/health/ready") == 200
        os.kill(children(server.process.pid)[0], signal.SIGSTOP)
        assert server.process.wait(30) == 1
        words = "transit-server: worker 1 of 2 was killed, because it had not moved for 6 s"
        assert server.termination_log.read_text().strip() == words


def test_workers_end_with_their_supervisor(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}, workers="2") as server:
        server.until_ready()
        workers = children(server.process.pid)
        server.process.kill()
        server.process.wait()
        eventually(
            lambda: not any(Path(f"/proc/{pid}/stat").exists() for pid in workers), "no worker", 10
        )


def test_a_port_that_is_taken(store: Path, tmp_path: Path) -> None:
    """Also by a server that would share it."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with RunningServer(
            store, tmp_path, {"xgboost": "1.0.0"}, workers="2", TRANSIT_PORT=str(port)
        ) as server:
            assert server.process.wait(30) == 1
            told = server.termination_log.read_text()
            assert (
                told
                == f"transit-server: can't listen on 127.0.0.1:{port}: Address already in use\n"
            )


def test_any_port(store: Path, tmp_path: Path) -> None:
    with RunningServer(
        store, tmp_path, {"xgboost": "1.0.0"}, workers="2", TRANSIT_PORT="0"
    ) as server:
        first, second = eventually(lambda: two_of(server), "two workers")
        ports = [port_of(pid) for pid in (first, second)]
        assert ports[0] == ports[1]
        server.client.base_url = f"http://127.0.0.1:{ports[0]}"
        server.until_ready()


def port_of(pid: int) -> str:
    environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(line.split("=", 1) for line in environment if line)["TRANSIT_PORT"]
