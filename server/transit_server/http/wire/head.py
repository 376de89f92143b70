"""The head of a request as the parser tells it piece by piece, and what ASGI is told of it.

Neighbours: `connection` fills it, and makes an `exchange` of one that is complete.
"""

from typing import Any
from urllib.parse import unquote

import httptools

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_UPGRADE = (b"upgrade", b"http2-settings")


class Head:
    """Names of headers are in lower case, as ASGI wants them."""

    __slots__ = ("expects", "headers", "url")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.expects = False  # `100 Continue`, before the body is sent

    def add(self, name: bytes, value: bytes) -> None:
        """One more header."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expects = True
        self.headers.append((name, value))

    def scope(self, method: bytes, version: str, state: dict[str, Any]) -> dict[str, Any]:
        """What ASGI is told."""
        if self.url.startswith(b"/"):
            raw, _, query = self.url.partition(b"?")
        else:
            parsed = httptools.parse_url(self.url)
            raw, query = parsed.path or b"/", parsed.query or b""
        path = raw.decode("ascii")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": method.decode("ascii"),
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": None,
            "server": None,
            "state": state,
        }

    def without_upgrade(self, method: bytes, version: str) -> bytes:
        """The head as it would be sent by who does not wish for another protocol."""
        lines = [method, b" ", self.url, b" HTTP/", version.encode(), b"\r\n"]
        for name, value in self.headers:
            if name in _UPGRADE:
                continue
            if name == b"connection":
                options = [option.strip() for option in value.split(b",")]
                value = b", ".join(one for one in options if one.lower() not in _UPGRADE)
            lines += (name, b": ", value, b"\r\n")
        return b"".join((*lines, b"\r\n"))
