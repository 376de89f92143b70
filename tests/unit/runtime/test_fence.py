"""No write leaves a process that may not write, also if it lost that right while it waited."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from transit_operator.adapters.fence import fence
from transit_operator.adapters.kubernetes import NotLeading


class Server:
    """A real HTTP server that counts what reaches it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request.method)
        return web.Response()


@asynccontextmanager
async def running() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield server
    await runner.cleanup()


WRITES = ["POST", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize("method", WRITES)
async def test_only_a_leader_writes(method: str) -> None:
    leads = True
    async with (
        running() as server,
        aiohttp.ClientSession(trace_configs=[fence(lambda: leads)]) as session,
    ):
        await session.request(method, server.url)
        leads = False
        with pytest.raises(NotLeading, match="does not lead"):
            await session.request(method, server.url)
        await session.get(server.url)
        assert server.seen == [method, "GET"], "reading is always allowed"


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("reused", [False, True])
async def test_a_leader_that_ends_while_a_write_waits_for_its_connection(
    method: str, reused: bool
) -> None:
    asked = 0

    def may_write() -> bool:
        nonlocal asked
        asked += 1
        return asked == 1  # when the request starts, but not any more when it is connected

    async with (
        running() as server,
        aiohttp.ClientSession(trace_configs=[fence(may_write)]) as session,
    ):
        if reused:
            async with session.get(server.url) as answer:
                await answer.read()
        with pytest.raises(NotLeading):
            await session.request(method, server.url, data=b"x")
        await asyncio.sleep(0)
        assert asked == 2
        assert server.seen == (["GET"] if reused else [])
