"""Heads that are too large, too slow, or never come, and what comes around and behind a body; by
bare sockets.
"""

import time

import pytest

from tests.server.running import RunningServer

from .bare import (
    HEADER,
    IMPATIENT,
    IN_CHUNKS,
    START,
    Uvicorn,
    error,
    everything,
    link_to,
    until_closed,
)


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
