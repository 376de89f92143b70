"""Heads that are too large, too slow, or never come, and what comes around a body; by bare
sockets.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from tests.server.running import RunningServer, eventually
from transit_server.http.head_limits import BoundedHeads

START = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
HEADER = b"x-filler: " + 990 * b"y" + b"\r\n"


def link_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


def everything(link: socket.socket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    while piece := link.recv(65536):
        received += piece
    return received


def error(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_many_headers_within_the_limit(trees: RunningServer) -> None:
    with link_to(trees.port) as link:
        for _ in range(2):  # a second request starts from nothing
            link.sendall(START)
            for _ in range(40):
                link.sendall(HEADER)
            link.sendall(b"\r\n")
            assert link.recv(65536).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("start", [START, b"GET /"], ids=["headers", "path"])
def test_a_head_without_end(trees: RunningServer, start: bytes) -> None:
    before = trees.peak_memory()
    with link_to(trees.port) as link:
        link.sendall(start)
        without_end = 50_000 * (HEADER if start is START else 1000 * b"a")
        with pytest.raises(ConnectionError):  # as soon as the server has closed
            link.sendall(without_end)
    assert trees.peak_memory() - before < 10
    assert trees.client.get("/health/live").status_code == 200


IN_CHUNKS = (
    b"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n"
)


@pytest.mark.parametrize(
    ("start", "without_end"),
    [
        (b"2\r\n{}\r\n0\r\n", HEADER),
        (b"2\r\n{}\r\n0\r\nx-filler: ", 1000 * b"y"),
        (b"2;", 1000 * b"y"),
    ],
    ids=["trailers", "one trailer", "chunk extension"],
)
def test_what_is_around_a_body_without_end(
    trees: RunningServer, start: bytes, without_end: bytes
) -> None:
    before = trees.peak_memory()
    with link_to(trees.port) as link:
        link.sendall(IN_CHUNKS + b"\r\n" + start)
        with pytest.raises(ConnectionError):  # as soon as the server has closed
            link.sendall(50_000 * without_end)
    assert trees.peak_memory() - before < 10
    assert trees.client.get("/health/live").status_code == 200


def test_a_trailer_does_not_pass_for_a_header(trees: RunningServer) -> None:
    with link_to(trees.port) as link:
        for _ in range(2):  # nor does it harm the next request
            link.sendall(IN_CHUNKS + b"\r\n2\r\n{}\r\n0\r\nx-request-id: the-trailer\r\n\r\n")
            answer = link.recv(65536)
            assert answer.startswith(b"HTTP/1.1 422 ")
            assert b"the-trailer" not in answer


class Impatient(BoundedHeads):
    patience = 1.0


class Uvicorn:
    """In this process, with this protocol, little patience, and an application that greets; at the
    path /wait not before `go_on` is set.
    """

    def __init__(self, listening: socket.socket) -> None:
        self.port = listening.getsockname()[1]
        self.go_on = threading.Event()
        config = uvicorn.Config(
            self.greet,
            interface="asgi3",
            http=Impatient,
            loop="uvloop",
            lifespan="off",
            log_config=None,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([listening],))

    async def greet(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/wait":
            await asyncio.to_thread(self.go_on.wait, 20)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    def until_a_head_has_begun(self) -> None:
        def begun() -> bool:
            connections: list[Any] = list(self.server.server_state.connections)
            return any(
                one.scope is not None and (one.cycle is None or one.cycle.scope is not one.scope)
                for one in connections
            )

        eventually(begun, "the beginning of a head")


@pytest.fixture
def own() -> Iterator[Uvicorn]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        own = Uvicorn(listening)
        own.thread.start()
        eventually(lambda: own.server.started, "uvicorn to listen")
        yield own
        own.go_on.set()
        own.server.should_exit = True
        own.thread.join()


def test_what_is_said_of_a_head_that_is_too_large(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        link.sendall(START)
        own.until_a_head_has_begun()
        link.sendall(66 * HEADER)
        answer = everything(link)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"connection: close" in answer
    assert error(answer)["code"] == "headers_too_large"


def test_a_connection_on_which_nothing_comes_is_closed(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        assert everything(link) == b""


@pytest.mark.parametrize("before", [b"", START + b"\r\n"], ids=["first", "second"])
def test_a_head_that_does_not_go_on(own: Uvicorn, before: bytes) -> None:
    with link_to(own.port) as link:
        link.sendall(before)
        if before:
            assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
        link.sendall(START)
        answer = everything(link)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert error(answer)["code"] == "slow_headers"


def test_a_head_in_time_is_answered_and_the_connection_stays(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        for _ in range(2):
            link.sendall(START)
            own.until_a_head_has_begun()
            link.sendall(b"\r\n")
            assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
            time.sleep(1.2 * Impatient.patience)  # between requests another, longer limit holds


def test_nothing_is_said_before_the_answer_to_an_earlier_request(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        link.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" + START)
        own.until_a_head_has_begun()
        time.sleep(1.2 * Impatient.patience)
        own.go_on.set()
        answer = everything(link)
    first, _, second = answer.partition(b"HTTP/1.1 408 ")
    assert first.startswith(b"HTTP/1.1 204 ")
    assert error(second)["code"] == "slow_headers"


def test_nothing_is_said_to_trailers_behind_an_answer(own: Uvicorn) -> None:
    trailer = b"0\r\nx-filler: "
    with link_to(own.port) as link:
        link.sendall(IN_CHUNKS + b"\r\n")
        assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
        # One byte more than is read: nothing is left over that would reset the connection.
        link.sendall(trailer + (64 * 1024 + 1 - len(trailer)) * b"y")
        assert everything(link) == b""
