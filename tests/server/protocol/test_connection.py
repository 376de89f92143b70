"""Answers come in one piece, and everything else of HTTP/1.1 is as it was, by bare sockets."""

import json
import re
import socket
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from tests.server.running import RunningServer

BODY = json.dumps({"features": [1.0] * 784}).encode()
HEAD = b"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(BODY)


@pytest.fixture
def link(trees: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", trees.port), 20) as link:
        yield link


def parts(answer: bytes) -> tuple[bytes, bytes, bytes]:
    """Status line, headers, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, _, headers = head.partition(b"\r\n")
    return status, headers.lower(), body


def whole(answers: BinaryIO) -> tuple[bytes, bytes, bytes]:
    """The next answer, however many pieces it comes in."""
    status, headers = answers.readline().strip(), b""
    while (line := answers.readline().lower()) != b"\r\n":
        assert line, "the connection was closed"
        headers += line
    (length,) = re.findall(rb"content-length: (\d+)", headers)
    return status, headers, answers.read(int(length))


def test_headers_and_body_arrive_together(link: socket.socket) -> None:
    for _ in range(20):
        link.sendall(HEAD + b"\r\n" + BODY)
        status, _, body = parts(link.recv(65536))
        assert status == b"HTTP/1.1 200 OK"
        assert set(json.loads(body)) == {"prediction", "model", "metadata"}


def test_who_asks_to_go_on_first_is_told_so_at_once(link: socket.socket) -> None:
    link.sendall(HEAD + b"Expect: 100-continue\r\n\r\n")
    assert link.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    link.sendall(BODY)
    assert whole(link.makefile("rb"))[0] == b"HTTP/1.1 200 OK"


def test_a_connection_that_is_to_be_closed_closes_after_the_answer(link: socket.socket) -> None:
    link.sendall(HEAD + b"Connection: close\r\n\r\n" + BODY)
    status, headers, _ = whole(link.makefile("rb"))
    assert status == b"HTTP/1.1 200 OK"
    assert b"connection: close" in headers
    assert link.recv(1) == b""


def test_requests_sent_together_are_answered_in_their_order(link: socket.socket) -> None:
    link.sendall((b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n") + HEAD + b"\r\n" + BODY)
    answers = link.makefile("rb")
    assert whole(answers)[0] == b"HTTP/1.1 200 OK"
    assert json.loads(whole(answers)[2])["prediction"]


def test_an_answer_without_a_body_is_one_too(link: socket.socket) -> None:
    link.sendall(b"HEAD /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    status, _, body = parts(link.recv(65536))
    assert (status, body) == (b"HTTP/1.1 200 OK", b"")
    link.sendall(HEAD + b"\r\n" + BODY)
    assert whole(link.makefile("rb"))[0] == b"HTTP/1.1 200 OK"


def test_what_is_no_http_is_told_so_and_cut(link: socket.socket) -> None:
    link.sendall(b"hello\r\n\r\n")
    answer = b""
    while piece := link.recv(65536):
        answer += piece
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
