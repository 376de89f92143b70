"""What the operator answers over HTTP: /healthz, /readyz and /metrics, in one small server.

Neighbours: `operator` starts it and gives it three functions; it changes nothing.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from .metrics import Facts, Metrics

Check = Callable[[], list[str]]


def application(
    unhealthy: Check, unready: Check, metrics: Metrics, facts: Callable[[], Facts]
) -> web.Application:
    """Return the routes. A check returns what is wrong."""

    async def page(_: web.Request) -> web.Response:
        # The facts are taken on the loop, where nobody changes them; the long text elsewhere.
        text = await asyncio.to_thread(metrics.page, facts())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def probe(check: Check) -> Handler:
        async def answer(_: web.Request) -> web.Response:
            problems = check()
            return web.Response(
                status=503 if problems else 200, text="\n".join(problems or ["ok"]) + "\n"
            )

        return answer

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", probe(unhealthy)),
            web.get("/readyz", probe(unready)),
            web.get("/metrics", page),
        ]
    )
    return app


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen until the runner's `cleanup`. Host "" means all addresses. Raises: OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host or None, port).start()
    return runner
