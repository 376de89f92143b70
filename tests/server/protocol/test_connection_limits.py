"""Heads that are too large, too slow, or never come, what comes around and behind a body, and how
many connections there may be; by bare sockets.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any, cast

import pytest
import uvicorn

from tests.server.running import RunningServer, eventually
from transit_server.http.wire.connection_limits import Connections, Limits

START = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n"
HEADER = b"x-filler: " + 990 * b"y" + b"\r\n"


def link_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


def everything(link: socket.socket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    while piece := link.recv(65536):
        received += piece
    return received


def until_closed(link: socket.socket, data: bytes, pause: float = 0.0) -> None:
    """Send on and on; a server that has closed throws away what comes for a while, so that its last
    answer isn't lost.
    """
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            link.sendall(data)
        except TimeoutError:
            continue  # nothing is read any more, which is no close
        except ConnectionError:
            return
        time.sleep(pause)
    raise AssertionError("the server didn't close")


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
        until_closed(link, 1000 * (HEADER if start is START else 1000 * b"a"))
    assert trees.peak_memory() - before < 10
    assert trees.probes.get("/health/live").status_code == 200


LARGE, SMALL = 8 * 2**20, 200_000  # more than the system's buffers take, and less
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
        until_closed(link, 1000 * without_end)
    assert trees.peak_memory() - before < 10
    assert trees.probes.get("/health/live").status_code == 200


def test_a_trailer_does_not_pass_for_a_header(trees: RunningServer) -> None:
    with link_to(trees.port) as link:
        for _ in range(2):  # nor does it harm the next request
            link.sendall(IN_CHUNKS + b"\r\n2\r\n{}\r\n0\r\nx-request-id: the-trailer\r\n\r\n")
            answer = link.recv(65536)
            assert answer.startswith(b"HTTP/1.1 422 ")
            assert b"the-trailer" not in answer


IMPATIENT = Limits(keep_alive=5.0, connections=3, patience=1.0, look_every=0.1)
FAITHFUL = replace(IMPATIENT, keep_alive=300.0)


class Uvicorn:
    """In this process, with this protocol, little patience, and an application that greets; at the
    path /read when it has read the body, and at /wait not before `go_on` is set either.
    """

    def __init__(self, listening: socket.socket, limits: Limits) -> None:
        self.port = listening.getsockname()[1]
        self.go_on = threading.Event()
        self.refused: list[int] = []
        self.connections = Connections(limits, self.refused.append)
        config = uvicorn.Config(
            self.greet,
            interface="asgi3",
            http=cast(Any, self.connections),
            loop="uvloop",
            lifespan="off",
            log_config=None,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([listening],))

    async def greet(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in ("/read", "/wait"):
            while (await receive()).get("more_body", False):
                pass
        if scope["path"] == "/wait":
            await asyncio.to_thread(self.go_on.wait, 20)
        size = {"/large": LARGE, "/small": SMALL}.get(scope["path"], 0)
        await send({"type": "http.response.start", "status": 200 if size else 204, "headers": []})
        await send({"type": "http.response.body", "body": bytes(size)})

    def until_a_head_has_begun(self, number: int = 1) -> None:
        """On so many connections."""

        def begun() -> bool:
            connections: list[Any] = list(self.server.server_state.connections)
            return len([one for one in connections if one._reader.begun]) == number

        eventually(begun, "the beginning of a head")

    def until_bodies_are_owed(self, number: int) -> None:
        """On so many connections: they are waited for, or their answers are written."""
        eventually(lambda: len(self.connections._owing) == number, "bodies that don't come")

    def until_answers_are_written(self, number: int) -> None:
        state = self.server.server_state
        eventually(lambda: state.total_requests == number, "an answer", 20)


@pytest.fixture
def own() -> Iterator[Uvicorn]:
    with listening(IMPATIENT) as own:
        yield own


@contextmanager
def listening(limits: Limits) -> Iterator[Uvicorn]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        own = Uvicorn(bound, limits)
        own.thread.start()
        try:
            eventually(lambda: own.server.started, "uvicorn to listen")
            yield own
        finally:
            own.go_on.set()
            own.server.should_exit = own.server.force_exit = True
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


def test_a_head_of_very_many_short_headers(own: Uvicorn) -> None:
    """Each takes ten times the memory of its line."""
    with link_to(own.port) as link:
        link.sendall(START + 255 * b"a:b\r\n" + b"\r\n")  # with Host, as many as there may be
        assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
        link.sendall(START + 257 * b"a:b\r\n")
        answer = everything(link)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert error(answer)["message"] == "more than 256 headers"


def test_the_log_is_not_the_clients_to_fill(own: Uvicorn, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        with link_to(own.port) as link:
            link.sendall(b"nonsense\r\n\r\n")
            assert everything(link).startswith(b"HTTP/1.1 400 ")
    assert own.refused == 20 * [400]
    assert 0 < len(caplog.messages) < 10


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
            time.sleep(1.2 * IMPATIENT.patience)  # between requests another, longer limit holds


def test_nothing_is_said_before_the_answer_to_an_earlier_request(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        link.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" + START)
        own.until_a_head_has_begun()
        time.sleep(1.2 * IMPATIENT.patience)  # it is too late by now, and nothing may say so yet
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


def test_a_body_behind_an_early_answer_has_as_long_as_a_head(own: Uvicorn) -> None:
    """A byte now and then keeps no connection."""
    with link_to(own.port) as link:
        link.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
        until_closed(link, b"x", pause=0.1)


def test_a_connection_is_kept_between_requests_for_its_time(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        link.sendall(START + b"\r\n")
        assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
        began = time.monotonic()
        assert link.recv(1) == b""
        assert time.monotonic() - began > 0.9 * IMPATIENT.keep_alive


def test_an_answer_that_nobody_takes(own: Uvicorn) -> None:
    """The client asks and asks, and reads nothing: its connection is given up."""
    with link_to(own.port) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.settimeout(1)
        until_closed(link, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", pause=0.1)


def test_an_answer_that_nobody_takes_from_the_system() -> None:
    """It is written, as far as this process knows; the system would keep it as long as the
    connection.
    """
    with listening(FAITHFUL) as own, slow_reader(own.port) as link:
        link.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: own.server.server_state.total_requests, "an answer", 20)
        eventually(lambda: not own.server.server_state.connections, "a closed connection", 20)


def test_answers_that_nobody_takes_have_a_limit_together() -> None:
    """Beyond it who has read nothing for longest is cut, long before the time for that is over; one
    answer alone may be larger than the limit.
    """
    limits = replace(FAITHFUL, connections=10, patience=60.0, untaken=LARGE // 4)
    ask = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
    with listening(limits) as own, ExitStack() as links:
        readers = [links.enter_context(slow_reader(own.port)) for _ in range(3)]
        for number, link in enumerate(readers, 1):
            link.sendall(ask)
            own.until_answers_are_written(number)
        left = own.server.server_state.connections
        eventually(lambda: len(left) == 1, "the others to be cut", 20)
        with pytest.raises(AssertionError, match="closed after"):
            take(readers[0])
        take(readers[2])
        readers[2].sendall(ask)
        take(readers[2])


def test_who_has_been_cut_counts_no_more() -> None:
    """Its system ends it a moment later: if it were looked at meanwhile and counted once more, the
    next one would be cut in its place.
    """
    ask = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
    with listening(replace(FAITHFUL, patience=60.0)) as own, ExitStack() as links:
        for number in (1, 2):
            links.enter_context(slow_reader(own.port)).sendall(ask)
            own.until_answers_are_written(number)
        counted: list[list[int]] = []

        def cut_one() -> None:
            first, _ = known = own.connections._untaken
            first.cut()
            first.look(time.monotonic())
            counted.append([*known.values(), own.connections._untaken_bytes])

        any_of_both: Any = next(iter(own.server.server_state.connections))
        any_of_both._loop.call_soon_threadsafe(cut_one)
        (one, together) = eventually(lambda: counted, "the cut")[0]
        assert one == together


def take(link: socket.socket) -> None:
    """Read an answer of /large to its end."""
    head, _, body = link.recv(2**20).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    received = len(body)
    while received < LARGE:
        piece = link.recv(2**20)
        assert piece, f"closed after {received} bytes"
        received += len(piece)
    assert received == LARGE


def slow_reader(port: int) -> socket.socket:
    """Its system takes no more than a few kilobytes."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(20)
    link.connect(("127.0.0.1", port))
    return link


def test_idle_connections_make_room_for_new_ones(own: Uvicorn) -> None:
    links = [link_to(own.port) for _ in range(4)]
    try:
        assert links[0].recv(1) == b"", "the first was idle longest"
        for link in links[1:]:
            link.sendall(START + b"\r\n")
            assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
    finally:
        for link in links:
            link.close()


def test_where_none_is_idle_a_head_that_does_not_come_makes_room(own: Uvicorn) -> None:
    """As many as there may be are held open by a head each: nobody else is shut out."""
    links = [link_to(own.port) for _ in range(3)]
    try:
        for number, link in enumerate(links, 1):
            link.sendall(START)
            own.until_a_head_has_begun(number)
        with link_to(own.port) as late:
            late.sendall(START + b"\r\n")
            assert late.recv(65536).startswith(b"HTTP/1.1 204 ")
        assert links[0].recv(1) == b"", "the first has been coming longest"
        links[1].sendall(b"\r\n")
        assert links[1].recv(65536).startswith(b"HTTP/1.1 204 ")
    finally:
        for link in links:
            link.close()


@pytest.mark.parametrize("path", [b"/", b"/read"], ids=["answered already", "waited for"])
def test_where_no_head_is_coming_a_body_that_does_not_come_makes_room(path: bytes) -> None:
    """Nobody is shut out by as many bodies as there may be connections, a byte of each."""
    with listening(replace(FAITHFUL, patience=60.0)) as own, ExitStack() as links:
        slow = [links.enter_context(link_to(own.port)) for _ in range(3)]
        for number, link in enumerate(slow, 1):
            link.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx" % path)
            own.until_bodies_are_owed(number)
        late = links.enter_context(link_to(own.port))
        late.sendall(START + b"\r\n")
        assert late.recv(65536).startswith(b"HTTP/1.1 204 ")
        with suppress(ConnectionError):
            assert everything(slow[0]).count(b"HTTP/1.1") == (path == b"/"), "it owed for longest"
        slow[1].sendall(b"x" + START + b"\r\n")
        answers = b""
        while answers.count(b"HTTP/1.1 204 ") < 2:
            answers += slow[1].recv(65536)


def test_where_no_body_is_owed_an_answer_that_nobody_takes_makes_room() -> None:
    with listening(replace(FAITHFUL, patience=60.0)) as own, ExitStack() as links:
        slow = [links.enter_context(slow_reader(own.port)) for _ in range(3)]
        for number, link in enumerate(slow, 1):
            link.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            own.until_answers_are_written(number)
        late = links.enter_context(link_to(own.port))
        late.sendall(START + b"\r\n")
        assert late.recv(65536).startswith(b"HTTP/1.1 204 ")


def test_where_none_is_idle_a_new_connection_is_refused(own: Uvicorn) -> None:
    links = [link_to(own.port) for _ in range(3)]
    try:
        for link in links:
            link.sendall(b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
        own.until_bodies_are_owed(3)
        for link in links:
            link.sendall(b"x")
        own.until_bodies_are_owed(0)
        with link_to(own.port) as late:
            answer = everything(late)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert error(answer)["code"] == "too_many_connections"
        assert own.refused == [503]
        own.go_on.set()
        for link in links:
            assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
    finally:
        for link in links:
            link.close()
