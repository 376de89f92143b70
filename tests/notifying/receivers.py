"""Real receivers in the test's process: an HTTP server and an SMTP server, in all their moods."""

import asyncio
import email
import email.message
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

Mood = Literal["fails", "hangs", "hangs up", "redirects", "refuses"]
STATUS = {"fails": 500, "refuses": 422}


class Http:
    """A receiver of HTTP requests. `moods` are for the next ones; after them it takes all."""

    def __init__(self) -> None:
        self.moods: deque[Mood] = deque()
        self.tried: list[tuple[str, dict[str, Any]]] = []  # content type and body, in order
        self.taken: list[dict[str, Any]] = []
        self.authorized: set[str | None] = set()
        self.port = 0
        self.awake = asyncio.Event()  # what hangs goes on
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; again on the same port, if it listened before."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.tried.append((request.headers["Content-Type"], body))
        self.authorized.add(request.headers.get("Authorization"))
        mood = self.moods.popleft() if self.moods else None
        if mood == "hangs":
            await self.awake.wait()
        elif mood == "hangs up":
            assert request.transport is not None
            request.transport.abort()
        elif mood == "redirects":
            return web.Response(status=302, headers={"Location": "/elsewhere"})
        elif mood is not None:
            return web.Response(status=STATUS[mood])
        self.taken.append(body)
        return web.Response(status=202)


class Mail:
    """A receiver of mail, which answers `code` to each."""

    def __init__(self) -> None:
        self.code = "250 taken"
        self.tried = 0
        self.taken: list[email.message.Message] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tried += 1
        if self.code.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.taken.append(email.message_from_bytes(envelope.content))
        return self.code


@asynccontextmanager
async def http() -> AsyncIterator[Http]:
    receiver = Http()
    await receiver.start()
    try:
        yield receiver
    finally:
        receiver.awake.set()
        await receiver.stop()


@asynccontextmanager
async def mail() -> AsyncIterator[Mail]:
    receiver = Mail()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(receiver, hostname="mail.example.com", loop=loop), "127.0.0.1", 0
    )
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
