"""What is a request, and where it ends, is read in one way only: a gateway that reads it in another
can't be made to pass on what it never saw. By bare sockets; `test_segments` cuts requests.
"""

import gzip
import re
import socket
from contextlib import closing

import pytest

from tests.server.protocol.test_segments import Link
from tests.server.running import RunningServer

BODY = b'{"features": [1, 2]}'
HIDDEN = b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def post(
    headers: bytes, body: bytes = BODY, host: bytes = b"Host: x\r\n", version: bytes = b"HTTP/1.1"
) -> bytes:
    return b"POST /api/v1/predict " + version + b"\r\n" + host + headers + b"\r\n" + body


def get(target: bytes, version: bytes = b"HTTP/1.1", headers: bytes = b"Host: x\r\n") -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + headers + b"\r\n"


# Name, what is sent, and its status; then the connection is closed, and what is behind is not read.
REFUSED = {
    "two lengths": (post(LENGTH + LENGTH), 400),
    "two lengths that differ": (post(LENGTH + b"Content-Length: 3\r\n"), 400),
    "a list of lengths": (post(b"Content-Length: 20, 20\r\n"), 400),
    "a length with a sign": (post(b"Content-Length: +20\r\n"), 400),
    "a length in hexadecimal": (post(b"Content-Length: 0x14\r\n"), 400),
    "a length beyond 64 bits": (post(b"Content-Length: 18446744073709551636\r\n"), 400),
    "a length and chunks": (post(LENGTH + CHUNKED, IN_CHUNKS), 400),
    "chunks and a length": (post(CHUNKED + LENGTH, IN_CHUNKS), 400),
    "chunks with HTTP/1.0": (post(CHUNKED, IN_CHUNKS, version=b"HTTP/1.0"), 422),
    "chunks that are packed": (post(b"Transfer-Encoding: gzip, chunked\r\n", IN_CHUNKS), 501),
    "chunks in two headers": (post(b"Transfer-Encoding: identity\r\n" + CHUNKED, IN_CHUNKS), 501),
    "chunks twice": (post(CHUNKED + CHUNKED, IN_CHUNKS), 400),
    "chunks, but not last": (post(b"Transfer-Encoding: chunked, gzip\r\n", IN_CHUNKS), 400),
    "almost chunks": (post(b"Transfer-Encoding: xchunked\r\n", IN_CHUNKS), 501),
    "chunks behind a vertical tab": (post(b"Transfer-Encoding: \x0bchunked\r\n", IN_CHUNKS), 400),
    "chunks with a space": (post(b"Transfer-Encoding : chunked\r\n", IN_CHUNKS), 400),
    "chunks on a second line": (post(b"Transfer-Encoding:\r\n chunked\r\n", IN_CHUNKS), 400),
    "lines without a return": (post(CHUNKED, IN_CHUNKS.replace(b"\r\n", b"\n")), 400),
    "a chunk of less than nothing": (post(CHUNKED, b"-1\r\n\r\n"), 400),
    "a chunk in another base": (post(CHUNKED, b"0x14\r\n" + BODY + b"\r\n0\r\n\r\n"), 400),
    "a chunk beyond 64 bits": (post(CHUNKED, b"10000000000000014\r\n" + BODY), 400),
    "a length in a trailer": (post(CHUNKED, IN_CHUNKS[:-2] + LENGTH + b"\r\n"), 400),
    "a header on two lines": (post(LENGTH + b"X-A: b\r\n c\r\n"), 400),
    "a header with a return in it": (post(LENGTH + b"X-A: b\rc\r\n"), 400),
    "a header that ends without one": (post(LENGTH + b"X-A: b\nX-C: d\r\n"), 400),
    "a header with a zero in it": (post(LENGTH + b"X-A: b\0c\r\n"), 400),
    "a header without a name": (post(LENGTH + b": b\r\n"), 400),
    "no host": (post(LENGTH, host=b""), 400),
    "two hosts": (post(LENGTH, host=b"Host: x\r\nHost: x\r\n"), 400),
    "two hosts, and one in the target": (get(b"http://x/v2", headers=2 * b"Host: x\r\n"), 400),
    "two hosts, and an upgrade": (
        post(LENGTH + b"Host: y\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"),
        400,
    ),
    "a target that is none": (get(b"http://[::1/v2"), 400),
    "a target in another alphabet": (get("/v2/é".encode()), 400),
    "HTTP/0.9": (b"GET /v2\r\n\r\n", 505),
    "HTTP/2 by its name": (get(b"/v2", b"HTTP/2.0"), 505),
    "HTTP/2 by its preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a version that is none": (get(b"/v2", b"HTTP/1.2"), 400),
    "another protocol": (get(b"/v2", b"ICE/1.0"), 400),
    "an unknown method": (b"PREDICT /v2 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a tunnel": (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
}
# These are answered as what they are, and so is what is behind.
ANSWERED = {
    "leading empty lines": (b"\r\n\r\n" + get(b"/v2"), 200),
    "a whole address for a target": (get(b"http://other:99/v2?a=1"), 200),
    "letters in another case": (post(b"transfer-encoding: CHUNKED\r\n", IN_CHUNKS), 422),
    "a chunk with zeros in front": (post(CHUNKED, b"0000" + IN_CHUNKS), 422),
    "chunks with extensions": (post(CHUNKED, IN_CHUNKS.replace(b"14", b'14;a=b;c="d"', 1)), 422),
    "an upgrade in a trailer": (
        post(CHUNKED, IN_CHUNKS[:-2] + b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n"),
        422,
    ),
    "an upgrade without a connection": (post(LENGTH + b"Upgrade: h2c\r\n"), 422),
    "a connection without an upgrade": (post(LENGTH + b"Connection: upgrade\r\n"), 422),
    "several upgrades": (
        post(LENGTH + b"Connection: upgrade\r\nUpgrade: TLS/1.0, h2c\r\nUpgrade: websocket\r\n"),
        422,
    ),
    "an empty host": (post(LENGTH, host=b"Host:\r\n"), 422),
    "an expectation of something else": (post(LENGTH + b"Expect: a-miracle\r\n"), 422),
    "a body behind GET": (get(b"/v2", headers=b"Host: x\r\n" + LENGTH) + BODY, 200),
    "packed twice": (
        post(b"Content-Length: 23\r\nContent-Encoding: gzip, gzip\r\n", b" " * 23),
        415,
    ),
    "packed by two headers": (
        post(
            b"Content-Length: %d\r\n" % len(gzip.compress(BODY, mtime=0))
            + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n",
            gzip.compress(BODY, mtime=0),
        ),
        415,
    ),
}


def asked(server: RunningServer, sent: bytes) -> tuple[list[int], bytes]:
    """The statuses of all answers until the server closes, and all of it."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), 20) as link:
        link.sendall(sent)
        while piece := link.recv(65536):
            received += piece
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", received)], received


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_ends_the_connection(trees: RunningServer, name: str) -> None:
    sent, status = REFUSED[name]
    statuses, received = asked(trees, sent + HIDDEN)
    assert statuses == [status], received
    assert b"connection: close" in received


@pytest.mark.parametrize("name", ANSWERED)
def test_what_is_unusual_has_one_answer(trees: RunningServer, name: str) -> None:
    sent, status = ANSWERED[name]
    last = get(b"/v2", headers=b"Host: x\r\nConnection: close\r\n")
    assert asked(trees, sent + last)[0] == [status, 200]


def test_who_speaks_http_1_0_is_not_told_to_go_on(trees: RunningServer) -> None:
    """Such a client would take it for the answer."""
    sent = post(LENGTH + b"Expect: 100-continue\r\n", body=b"", version=b"HTTP/1.0")
    with closing(Link(trees.port)) as link:
        link.send([sent, BODY])
        assert link.socket.recv(65536).startswith(b"HTTP/1.1 422 ")


def test_the_last_answer_of_too_many_requests_at_once_says_so(trees: RunningServer) -> None:
    """Who sends a hundred without waiting is told which ones to send again."""
    statuses, received = asked(trees, 100 * get(b"/v2"))
    assert 0 < len(statuses) < 100
    assert set(statuses) == {200}
    *before, last = received.split(b"HTTP/1.1 200 ")[1:]
    assert b"connection: close" in last
    assert all(b"connection: close" not in one for one in before)
