"""Pages of others, which a browser lets send simple requests without asking first.

CORS keeps such a page from reading an answer. The request has been answered and counted by then:
with whoever's network the browser is in, and nobody's key. A key is a header that no page may send
unasked, so this matters only where there are none. `Endpoint` asks.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from transit_server.errors import ForeignOrigin

_OWN = (b"same-origin", b"none")  # none: the user's own doing, as a typed address


def refuse_foreign(headers: list[tuple[bytes, bytes]], allowed: Collection[str]) -> None:
    """Raises `ForeignOrigin`. What isn't a browser sends none of these headers."""
    origin = site = None
    host = b""
    for name, value in headers:
        if name == b"origin":
            origin = value
        elif name == b"sec-fetch-site":
            site = value
        elif name == b"host":
            host = value
    if (origin is None and site is None) or site in _OWN:
        return
    if origin is not None:
        page = origin.decode("latin-1")
        if "*" in allowed or page in allowed:
            return
        # Browsers leave the better header out where they don't trust the way: plain HTTP.
        if site is None and _host(page) == host.decode("latin-1").lower():
            return
    raise ForeignOrigin(
        "a page of another origin may not ask here: its origin has to be in TRANSIT_CORS_ORIGINS"
    )


def _host(page: str) -> str | None:
    try:
        return urlsplit(page).netloc.lower()
    except ValueError:
        return None
