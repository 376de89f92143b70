"""The web application: its routes, and what it is made of.

Neighbours: `guard` or `incluster.gate` stands before it, `serve` runs it; `listing`, `detail` and
`commanding` answer.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles

from ..cluster.prometheus import Unreachable
from .commanding import Commanding
from .data.fleet import Entry, Fleet, Watch
from .data.sources import Sources
from .detail import Chosen, Detail, answer_of
from .listing import Filter, Listing
from .pages import STATIC, Pages
from .plots import Plot, plot
from .visitor import Visitor, Who

_ONE = "/m/{namespace}/{name}"


def create(fleet: Fleet, watch: Watch, sources: Sources, pages: Pages, about: str) -> FastAPI:
    """Return the application. `about` says which cluster this is."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watch.start()
        yield
        watch.stop()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC))
    _add_list(app, fleet, Listing(fleet, pages, about))
    _add_detail(app, fleet, Detail(fleet, pages, sources))
    _add_plots(app, fleet, sources)
    _add_commands(app, fleet, Commanding(pages))

    @app.exception_handler(HTTPException)
    async def problem(request: Request, error: HTTPException) -> Response:
        template = "error.html" if "HX-Request" in request.headers else "error_page.html"
        visitor = request.state.visitor
        html = pages.render(template, visitor=visitor, status=error.status_code, text=error.detail)
        return HTMLResponse(html, error.status_code)

    return app


def _add_list(app: FastAPI, fleet: Fleet, listing: Listing) -> None:
    @app.get("/", response_class=HTMLResponse)
    async def page(who: Who, q: str = "", phase: str = "") -> str:
        await fleet.complete.wait()
        return listing.page(Filter(q, phase), who)

    @app.get("/list/events", response_class=EventSourceResponse)
    async def events(
        q: str = "", phase: str = "", seen: int = -1, last_event_id: str = Header("")
    ) -> AsyncIterator[ServerSentEvent]:
        since = int(last_event_id) if last_event_id.isdecimal() else seen
        async for version, html in listing.changes(Filter(q, phase), since):
            yield ServerSentEvent(raw_data=html, id=str(version))


def _add_detail(app: FastAPI, fleet: Fleet, detail: Detail) -> None:
    @app.get(_ONE, response_class=HTMLResponse)
    async def page(who: Who, namespace: str, name: str, rollout: float | None = None) -> str:
        entry = await _entry(fleet, namespace, name)
        return await detail.page(entry, Chosen(rollout), who)

    @app.get(f"{_ONE}/events", response_class=EventSourceResponse)
    async def events(
        who: Who, namespace: str, name: str, rollout: float | None = None
    ) -> AsyncIterator[ServerSentEvent]:
        entry = await _entry(fleet, namespace, name)
        async for event, data in detail.changes(entry, Chosen(rollout), who):
            yield ServerSentEvent(raw_data=data, event=event or None)


def _add_plots(app: FastAPI, fleet: Fleet, sources: Sources) -> None:
    @app.get(f"{_ONE}/plots/{{signal:path}}")
    async def curves(
        namespace: str, name: str, signal: str, rollout: float | None = None
    ) -> Plot | None:
        entry = await _entry(fleet, namespace, name)
        answer = answer_of(entry.mdep, Chosen(rollout), time.time())
        try:
            found = await sources.curves(entry, answer, signal)
        except Unreachable as error:
            raise HTTPException(502, str(error)) from error
        if found is None or answer.timeline is None:
            return None
        return plot(found, answer.timeline)


def _add_commands(app: FastAPI, fleet: Fleet, commanding: Commanding) -> None:
    for path, method, answer in (
        (f"{_ONE}/ask/{{verb}}", "GET", commanding.ask),
        (f"{_ONE}/do/{{verb}}", "POST", commanding.do),
    ):
        app.add_api_route(
            path, _command(fleet, answer), methods=[method], response_class=HTMLResponse
        )


def _command(
    fleet: Fleet, answer: Callable[[Entry, str, Visitor], Awaitable[str]]
) -> Callable[[Visitor, str, str, str], Awaitable[str]]:
    async def command(who: Who, namespace: str, name: str, verb: str) -> str:
        return await answer(await _entry(fleet, namespace, name), verb, who)

    return command


async def _entry(fleet: Fleet, namespace: str, name: str) -> Entry:
    await fleet.complete.wait()
    entry = fleet.get(namespace, name)
    if entry is None:
        raise HTTPException(404, f"there is no ModelDeployment {namespace}/{name}")
    return entry
