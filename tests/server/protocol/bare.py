"""Bare sockets, and uvicorn in this process: with Transit's protocol, and little patience.

Neighbours: `test_heads`, `test_untaken` and `test_connection_limits` talk to it.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import uvicorn

from tests.server.running import eventually
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


LARGE, SMALL = 8 * 2**20, 200_000  # more than the system's buffers take, and less
IN_CHUNKS = (
    b"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n"
)


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


def slow_reader(port: int) -> socket.socket:
    """Its system takes no more than a few kilobytes."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(20)
    link.connect(("127.0.0.1", port))
    return link
