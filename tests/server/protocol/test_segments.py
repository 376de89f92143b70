"""However requests are cut into segments: the same answers, and exactly one for each.

A segment counts only when the server has read the one before it, so the test looks at the queue of
the server's socket before it sends the next.
"""

import random
import re
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise

import pytest

from tests.server.running import RunningServer

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
HIDDEN = b"GET /api/v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
JAVA = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n"
)


def post(body: bytes, headers: bytes = b"") -> bytes:
    head = b"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\r\n"
    return head + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, headers: bytes = b"") -> bytes:
    half = len(body) // 2
    parts = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]))
    head = b"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\r\n"
    return head + headers + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\nx-a: b\r\n\r\n"


GET = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nX-Request-ID: b\r\n\r\n"
BODY = b'{"features": [1, 2]}'
# Name, what is sent, and the statuses of the answers before the last one.
CASES = {
    "plain": (post(BODY), [422]),
    "a body that looks like a request": (post(HIDDEN), [400]),
    "chunked": (chunked(BODY), [422]),
    "as Java sends it": (post(BODY, JAVA), [422]),
    "as Java sends it, with a hidden request": (post(HIDDEN, JAVA), [400]),
    "chunked, with an upgrade": (chunked(BODY, JAVA), [422]),
    "websocket": (post(BODY, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), [422]),
    "an unknown protocol": (
        post(BODY, b"Connection: keep-alive, upgrade\r\nUpgrade: x/1\r\n"),
        [422],
    ),
    "an upgrade without a body": (GET.replace(b"\r\n\r\n", b"\r\n" + JAVA + b"\r\n"), [200]),
    "two upgrades": (post(BODY, JAVA) + post(HIDDEN, JAVA), [422, 400]),
    "pipelined": (GET + post(BODY) + GET + chunked(BODY), [200, 422, 200, 422]),
    "told to go on": (post(BODY, b"Expect: 100-continue\r\n"), [422]),
    "an upgrade that is told to go on": (post(BODY, JAVA + b"Expect: 100-continue\r\n"), [422]),
    "a body that is not wanted": (GET[:-2] + b"Content-Length: 5\r\n\r\nGET /", [200]),
}


class Link:
    """A client's connection that knows when the server has read all it has sent."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG)
        ends = struct.pack(">HH", port, self.socket.getsockname()[1])
        loopback = socket.inet_aton("127.0.0.1").ljust(16, b"\0")
        tcp = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
        body = tcp + ends + loopback + loopback + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
        header = struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, 1, 0, 0)
        self._question = header + body

    def close(self) -> None:
        self.socket.close()
        self._kernel.close()

    def send(self, segments: Sequence[bytes]) -> None:
        for segment in segments:
            self.socket.sendall(segment)
            end = time.monotonic() + 20
            while not self._was_read():
                assert time.monotonic() < end, "the server reads nothing"

    def answers(self) -> list[tuple[int, bytes]]:
        """Status and body of each final answer, until the server closes."""
        received = b""
        while piece := self.socket.recv(65536):
            received += piece
        answers = []
        while received:
            head, _, received = received.partition(b"\r\n\r\n")
            status = int(head.split()[1])
            length = int((re.findall(rb"content-length: (\d+)", head) or [b"0"])[0])
            body, received = received[:length], received[length:]
            if status >= 200:
                answers.append((status, re.sub(rb'"(timestamp|request_id)":"[^"]*"', b"", body)))
        return answers

    def _was_read(self) -> bool:
        """The kernel says how many bytes wait to be read at the other end."""
        self._kernel.send(self._question)
        said = self._kernel.recv(4096)
        if struct.unpack_from("=H", said, 4)[0] != _SOCK_DIAG_BY_FAMILY:
            return True  # there is no such socket any more: the server has closed it
        unread: int = struct.unpack_from("=I", said, 16 + 4 + 48 + 4)[0]
        return unread == 0


def answered(server: RunningServer, segments: Sequence[bytes]) -> list[tuple[int, bytes]]:
    with closing(Link(server.port)) as link:
        link.send(segments)
        return link.answers()


def cuts(sent: bytes) -> Iterator[list[bytes]]:
    """Once at every byte, at each of them, and at several places drawn by lot."""
    for place in range(1, len(sent)):
        yield [sent[:place], sent[place:]]
    yield [sent[place : place + 1] for place in range(len(sent))]
    lot = random.Random(0)
    for _ in range(20):
        places = [0, *sorted(lot.sample(range(1, len(sent)), 5)), len(sent)]
        yield [sent[begin:end] for begin, end in pairwise(places)]


@pytest.mark.parametrize("name", CASES)
def test_the_same_answers_whatever_the_segments(trees: RunningServer, name: str) -> None:
    sent, statuses = CASES[name]
    expected = answered(trees, [sent + LAST])
    assert [status for status, _ in expected] == [*statuses, 200]
    for segments in cuts(sent):
        assert answered(trees, [*segments, LAST]) == expected, segments


def test_a_tunnel_is_refused(trees: RunningServer) -> None:
    sent = b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN
    answers = answered(trees, [sent])
    assert [status for status, _ in answers] == [405]


def test_what_is_no_request_comes_behind_the_answers_to_those_before(trees: RunningServer) -> None:
    answers = answered(trees, [GET + post(BODY) + b"nonsense\r\n\r\n" + HIDDEN])
    assert [status for status, _ in answers] == [200, 422, 400]


def test_a_body_that_can_not_be_read_is_answered_once(trees: RunningServer) -> None:
    broken = chunked(BODY).replace(b"\r\n0\r\n", b"\r\nzz\r\n")
    answers = answered(trees, [GET + broken + HIDDEN])
    assert [status for status, _ in answers] == [200, 400]
