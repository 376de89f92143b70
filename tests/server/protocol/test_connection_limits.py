"""How many connections there may be, who makes room for a new one, and how long one is kept; by
bare sockets.

Neighbours: `test_heads` is what a client may send and how slowly, `test_untaken` what it may leave.
"""

import time
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest

from .bare import (
    FAITHFUL,
    IMPATIENT,
    START,
    Uvicorn,
    error,
    everything,
    link_to,
    listening,
    slow_reader,
)


def test_a_connection_on_which_nothing_comes_is_closed(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        assert everything(link) == b""


def test_a_connection_is_kept_between_requests_for_its_time(own: Uvicorn) -> None:
    with link_to(own.port) as link:
        link.sendall(START + b"\r\n")
        assert link.recv(65536).startswith(b"HTTP/1.1 204 ")
        began = time.monotonic()
        assert link.recv(1) == b""
        assert time.monotonic() - began > 0.9 * IMPATIENT.keep_alive


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
