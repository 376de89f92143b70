"""Clients that hang up, wherever in their request they are, leave nothing behind: no memory, no
work, and no trace in the log.
"""

import gzip
import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.server.running import RunningServer, eventually

ROW = [1.0] * 784
LARGE = 15 * 2**20
CLIENTS, TIMES = 8, 40  # so many bodies together are several times what may be held
LIMIT = 64.0  # MB
TEXT = json.dumps({"features": [ROW]}).encode()
LONG_ROW = b"[" + b",".join(784 * [b"1." + 57 * b"0"]) + b"]"
ROWS = b'{"features": [' + b",".join(LARGE // len(LONG_ROW) * [LONG_ROW]) + b"]}"
PACKED = gzip.compress(ROWS, 1)


def post(length: int, headers: bytes = b"") -> bytes:
    lines = b"POST /api/v1/predict/batch HTTP/1.1\r\nHost: x\r\n" + headers
    return lines + b"Content-Length: %d\r\n\r\n" % length


# Name, and what is sent before the client hangs up.
PHASES = {
    "in the head": post(9)[:-2],
    "before the body": post(LARGE),
    "told to go on": post(LARGE, b"Expect: 100-continue\r\n"),
    "in the body": post(LARGE + 1) + b" " * LARGE,
    "behind the body": post(len(ROWS)) + ROWS,
    "behind a packed body": post(len(PACKED), b"Content-Encoding: gzip\r\n") + PACKED,
    "behind a request that waits": 3 * (post(len(TEXT)) + TEXT) + post(LARGE) + b" " * 2**20,
}


@pytest.fixture(scope="module")
def server(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(
        store,
        tmp_path_factory.mktemp("left"),
        {"random_forest": "1.0.0"},
        max_body="16Mi",
        max_bodies=f"{LIMIT:g}Mi",
    ) as running:
        yield running.until_ready()


def send_and_reset(server: RunningServer, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 30) as link:
        try:
            link.sendall(sent)
        except ConnectionError:
            return  # it was refused, for there was no room
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_left_of_who_hangs_up(server: RunningServer, phase: str) -> None:
    server.client.post("/api/v1/predict/batch", content=ROWS)  # what one of them takes
    before = server.peak_memory()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(partial(send_and_reset, server), TIMES * [PHASES[phase]]))
    assert server.peak_memory() - before < 2 * LIMIT
    eventually(lambda: takes_large_bodies(server), "room for large bodies again", 20)
    assert server.predict(ROW).status_code == 200
    queued = server.metric("model_queue_rows", model="random_forest", version="1.0.0")
    assert queued == 0
    said = server.log.read_text()
    assert "could not be made" not in said
    assert "unexpected error" not in said
    assert "Traceback" not in said


def takes_large_bodies(server: RunningServer) -> bool:
    return server.client.post("/api/v1/predict/batch", content=ROWS).status_code == 200
