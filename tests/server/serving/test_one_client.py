"""What one client does with its own requests is not felt by others, nor by a verdict: bodies that
come slowly, and memory that one client takes.
"""

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.server.running import RunningServer
from transit_server.errors import Overloaded
from transit_server.http.wire.body_room import Room

ROW = [1.0] * 784
LARGE = json.dumps({"features": 1000 * [ROW]}).encode()  # nearly four megabytes


@pytest.fixture(scope="module")
def patient(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with room for two large bodies, which may take a while to come."""
    with RunningServer(
        store,
        tmp_path_factory.mktemp("patient"),
        {"random_forest": "1.0.0"},
        max_body="4Mi",
        max_bodies="7Mi",
        request_timeout="60s",
    ) as server:
        yield server.until_ready()


def begun(server: RunningServer, path: str, body: bytes, sent: int) -> socket.socket:
    """A request of whose body so many bytes are sent."""
    link = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    link.sendall(head.encode() + body[:sent])
    return link


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def test_large_bodies_that_do_not_come_make_room(patient: RunningServer) -> None:
    """A byte now and then is no progress: without it, a body would keep its room for a minute."""
    with ExitStack() as links:
        slow = [
            links.enter_context(begun(patient, "/api/v1/predict/batch", LARGE, 3 * 2**20))
            for _ in range(2)
        ]
        for place in range(3 * 2**20, 3 * 2**20 + 6):
            for link in slow:
                link.sendall(LARGE[place : place + 1])
            time.sleep(0.5)  # a slow client, which is what is tried
        other = patient.client.post("/api/v1/predict/batch", content=LARGE)
        assert other.status_code == 200, other.text
        answered, _, _ = select.select(slow, (), (), 20)
        answer = answered[0].recv(65536)
    assert status(answer) == 408
    assert b"other requests needed its room" in answer


def test_the_time_that_a_body_takes_is_not_the_models(patient: RunningServer) -> None:
    """Else clients with slow links, or one that pretends, would have a good version turned back."""
    took = partial(
        patient.metric, "prediction_latency_seconds_sum", model="random_forest", version="1.0.0"
    )
    before = took()
    body = json.dumps({"features": ROW}).encode()
    with begun(patient, "/api/v1/predict", body, 9) as link:
        time.sleep(3)  # a slow client, which is what is tried
        link.sendall(body[9:])
        assert status(link.recv(65536)) == 200
    assert took() - before < 2


@pytest.mark.parametrize(
    ("take", "message"),
    [
        (lambda room: room.check_share(51, "a"), "this API key's bodies take 0 of its 50"),
        (lambda room: (room.take(50, "a"), room.check_share(1, "a")), "take 50 of its 50"),
        (lambda room: (room.take(50, "a"), room.take(50, "b"), room.take(1, "c")), "take 100 of"),
    ],
)
def test_one_key_has_a_share_of_the_room(take: Callable[[Room], object], message: str) -> None:
    with pytest.raises(Overloaded, match=message):
        take(Room(100, 50))


def test_what_is_given_back_is_free() -> None:
    room = Room(100, 50)
    for _ in range(3):
        room.check_share(50, "a")
        room.take(50, "a")
        room.give_back(50, "a")
    room.check_share(100, "")  # without keys nobody can tell clients apart
    room.take(100, "")
