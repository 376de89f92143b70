"""Who may ask: this machine's browser, at the address that was printed, by pages of ours.

A page on the web can make a browser send requests to 127.0.0.1, also under a name of its own that
it points there (DNS rebinding), and another user of the machine can connect, too. So the Host must
be ours, a cookie shows that the printed address was opened, and what changes something needs our
Origin and a token that only our pages have. Pure ASGI: nothing behind it is reached otherwise.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from secrets import token_urlsafe
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..cluster.connection import Cluster
from .visitor import Visitor

TOKEN_HEADER = "X-Transit-Token"
_READING = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Secrets:
    """What one run of the program knows and nobody else.

    `key` is in the printed address, `once` in the one that the browser is started with: a process's
    arguments can be read by everybody on a machine, so that one opens only once. `session` is in
    the cookie of who has come in, `token` in the pages.
    """

    key: str = field(default_factory=lambda: token_urlsafe(32))
    once: str = field(default_factory=lambda: token_urlsafe(32))
    session: str = field(default_factory=lambda: token_urlsafe(32))
    token: str = field(default_factory=lambda: token_urlsafe(32))


class Guard:
    """Lets requests through to the app, or says why not."""

    def __init__(self, app: ASGIApp, port: int, secrets: Secrets, cluster: Cluster) -> None:
        self._app = app
        self._visitor = Visitor(secrets.token, cluster)  # who started the program
        self._host = f"127.0.0.1:{port}"
        self._cookie = f"transit-{port}"  # cookies don't know ports: each program has its own
        self._secrets = secrets
        self._keys = {secrets.key, secrets.once}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        scope.setdefault("state", {})["visitor"] = self._visitor
        answer = self._answer(scope) or self._app
        await answer(scope, receive, with_headers(send))

    def _answer(self, scope: Scope) -> Response | None:
        """Return what is answered in place of the app."""
        headers = Headers(scope=scope)
        if headers.get("host") != self._host:
            return refusal(421, "This page is served on 127.0.0.1 only.")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        if scope["path"] == "/" and self._opens(given):
            response = RedirectResponse("/", 303)
            session = self._secrets.session
            response.set_cookie(self._cookie, session, httponly=True, samesite="strict")
            return response
        if not same(cookie(headers, self._cookie), self._secrets.session):
            text = "Open the address that `transit dashboard` printed: it has the key to this page."
            return refusal(403, text)
        ours = is_ours(scope, {f"http://{self._host}"}, self._secrets.token)
        return None if ours else not_ours()

    def _opens(self, given: str) -> bool:
        """Tell whether a key opens the page; the browser's own does so once."""
        found = [key for key in self._keys if same(given, key)]
        self._keys -= {self._secrets.once} & set(found)
        return bool(found)


def with_headers(send: Send) -> Send:
    """Send whatever is sent with the headers that all answers have."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


def is_ours(scope: Scope, origins: Collection[str], token: str) -> bool:
    """Tell whether a page of ours sent it: it only reads, or has our Origin and our token."""
    headers = Headers(scope=scope)
    known = same(headers.get(TOKEN_HEADER, ""), token)
    return scope["method"] in _READING or (headers.get("origin") in origins and known)


def same(given: str, secret: str) -> bool:
    """Compare with a secret, in constant time."""
    return compare_digest(given.encode(), secret.encode())


def cookie(headers: Mapping[str, str], name: str) -> str:
    """Return a cookie's value; "" where there is none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def not_ours() -> Response:
    """Return the answer to what no page of ours has sent."""
    return refusal(403, "Commands are taken from the buttons of this page only.")


def refusal(status: int, text: str) -> Response:
    """Return an answer of plain words."""
    return PlainTextResponse(f"{text}\n", status)
