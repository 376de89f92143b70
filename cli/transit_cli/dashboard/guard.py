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
    """What one run of the program knows and nobody else: the way in, and the token of its pages."""

    key: str = field(default_factory=lambda: token_urlsafe(32))
    token: str = field(default_factory=lambda: token_urlsafe(32))


class Guard:
    """Lets requests through to the app, or says why not."""

    def __init__(self, app: ASGIApp, port: int, secrets: Secrets) -> None:
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"transit-{port}"  # cookies don't know ports: each program has its own
        self._secrets = secrets

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
        host = headers.get("host", "")
        if host not in self._hosts:
            return _refusal(421, "This page is served on 127.0.0.1 only.")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        if scope["path"] == "/" and given and self._is_key(given):
            response = RedirectResponse("/", 303)
            response.set_cookie(self._cookie, given, httponly=True, samesite="strict")
            return response
        if not self._is_key(_cookie(headers, self._cookie)):
            text = "Open the address that `transit dashboard` printed: it has the key to this page."
            return _refusal(403, text)
        if scope["method"] not in _READING and not self._is_ours(headers, host):
            return _refusal(403, "Commands are taken from the buttons of this page only.")
        return None

    def _is_key(self, given: str) -> bool:
        return compare_digest(given.encode(), self._secrets.key.encode())

    def _is_ours(self, headers: Mapping[str, str], host: str) -> bool:
        """Tell whether a page of ours sent it: by its Origin, and by its token."""
        token = headers.get(TOKEN_HEADER.lower(), "")
        known = compare_digest(token.encode(), self._secrets.token.encode())
        return headers.get("origin") == f"http://{host}" and known


def _cookie(headers: Mapping[str, str], name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _refusal(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
