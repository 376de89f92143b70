"""Answers that nobody takes: each has its time, and all together have a limit; by bare sockets."""

import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from tests.server.running import eventually

from .bare import FAITHFUL, LARGE, Uvicorn, link_to, listening, slow_reader, until_closed


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
