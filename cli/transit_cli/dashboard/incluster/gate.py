"""Who may ask in a cluster: by a name that the page has, by pages of ours, signed in if need be.

Pure ASGI, as `guard` is on a machine of one's own: nothing behind it is reached otherwise. A page
of somebody else's can point a name of its own at the Service (DNS rebinding), so the Host must be
one of ours. What changes something needs our Origin and a token that only the visitor's pages have:
a proxy before this adds its credentials to every request, whoever made the browser send it.
"""

import asyncio
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...exits import CommandFailed
from ..data.fleet import Fleet
from ..guard import is_ours, not_ours, refusal, with_headers
from ..pages import Pages
from ..visitor import Visitor
from .visitors import Person, SignIn, Visitors

OWN = frozenset({"localhost", "127.0.0.1", "::1"})  # as by kubectl port-forward
STREAM_SECONDS = 300.0  # then the browser asks anew, and who it is is looked at again
_EVENTS = "/events"


class Gate:
    """Lets requests through to the app, or says why not. `hosts` are the names beside our own."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: AbstractSet[str],
        visitors: Visitors,
        pages: Pages,
        fleet: Fleet,
    ) -> None:
        self._app = app
        self._hosts = OWN | hosts
        self._visitors = visitors
        self._pages = pages
        self._fleet = fleet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = with_headers(send)
        answer = self._probe(scope["path"]) or await self._answer(scope)
        if answer is not None:
            await answer(scope, receive, sending)
        elif scope["path"].endswith(_EVENTS):
            await self._for_some_time(scope, receive, sending)
        else:
            await self._app(scope, receive, sending)

    async def _for_some_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(STREAM_SECONDS):
                await self._app(scope, receive, sending)
        except TimeoutError:
            if begun:
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _probe(self, path: str) -> Response | None:
        """Answer the kubelet, which asks by the pod's address."""
        if path == "/healthz":
            return PlainTextResponse("ok\n")
        if path == "/readyz":
            if self._fleet.complete.is_set():
                return PlainTextResponse("ok\n")
            return refusal(503, self._fleet.problem or "the ModelDeployments are being listed")
        return None

    async def _answer(self, scope: Scope) -> Response | None:
        """Return what is answered in place of the app."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            text = "This page has no such name; dashboard.hostnames of the chart may give it one."
            return refusal(421, text)
        if scope["path"].startswith("/static/"):
            return None
        try:
            visitor, person = await self._visitors.of(headers)
        except CommandFailed as failure:
            if self._visitors.sign_in is SignIn.REQUIRED or scope["method"] != "GET":
                return refusal(503, f"Who you are can't be found out now: {failure}.")
            visitor, person = self._visitors.nobody, None  # may look on
        scope.setdefault("state", {})["visitor"] = visitor
        if not is_ours(scope, {f"http://{host}", f"https://{host}"}, visitor.token):
            return not_ours()
        if self._visitors.sign_in is SignIn.REQUIRED and not scope["path"].startswith("/sign-"):
            return self._kept_out(headers, visitor, person)
        return None

    def _kept_out(
        self, headers: Headers, visitor: Visitor, person: Person | None
    ) -> Response | None:
        """Return the answer to who must sign in first, or may see nothing of this."""
        if person is not None and person.reads:
            return None
        if "hx-request" in headers:
            return refusal(401 if person is None else 403, "Sign in first.")
        if person is None:
            return HTMLResponse(self._pages.render("sign_in_page.html", visitor=visitor), 401)
        text = (
            f"{person.name} may not list ModelDeployments wherever this page shows them, which it"
            " asks of its readers"
        )
        html = self._pages.render("error_page.html", visitor=visitor, status=403, text=text)
        return HTMLResponse(html, 403)


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
