"""Who may ask: this machine's browser, at the address that was printed, by pages of ours.

A page on the web can make a browser send requests to 127.0.0.1, also under a name of its own that
it points there (DNS rebinding), and another user of the machine can connect, too. So the Host must
be ours, a cookie shows that the printed address was opened, and what changes something needs our
Origin and a token that only our pages have. Pure ASGI: nothing behind it is reached otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from secrets import token_urlsafe
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

    def __init__(self, app: ASGIApp, port: int, secrets: Secrets) -> None:
        self._app = app
        self._host = f"127.0.0.1:{port}"
        self._cookie = f"transit-{port}"  # cookies don't know ports: each program has its own
        self._secrets = secrets
        self._keys = {secrets.key, secrets.once}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._answer(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """Return what is answered in place of the app."""
        headers = Headers(scope=scope)
        if headers.get("host") != self._host:
            return _refusal(421, "This page is served on 127.0.0.1 only.")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        if scope["path"] == "/" and self._opens(given):
            response = RedirectResponse("/", 303)
            cookie = self._secrets.session
            response.set_cookie(self._cookie, cookie, httponly=True, samesite="strict")
            return response
        if not _same(_cookie(headers, self._cookie), self._secrets.session):
            text = "Open the address that `transit dashboard` printed: it has the key to this page."
            return _refusal(403, text)
        if scope["method"] not in _READING and not self._is_ours(headers):
            return _refusal(403, "Commands are taken from the buttons of this page only.")
        return None

    def _opens(self, given: str) -> bool:
        """Tell whether a key opens the page; the browser's own does so once."""
        found = [key for key in self._keys if _same(given, key)]
        self._keys -= {self._secrets.once} & set(found)
        return bool(found)

    def _is_ours(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a page of ours sent it: by its Origin, and by its token."""
        known = _same(headers.get(TOKEN_HEADER.lower(), ""), self._secrets.token)
        return headers.get("origin") == f"http://{self._host}" and known


def _same(given: str, secret: str) -> bool:
    return compare_digest(given.encode(), secret.encode())


def _cookie(headers: Mapping[str, str], name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _refusal(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
