"""The head of a request as the parser tells it piece by piece, and what ASGI is told of it.

Neighbours: `request_reader` fills it, and makes an `exchange` of one that is complete.
"""

from typing import Any, NamedTuple
from urllib.parse import unquote

import httptools

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_UPGRADE = (b"upgrade", b"http2-settings")
_FRAMING = (b"host", b"expect", b"transfer-encoding")
_VERSIONS = ("1.1", "1.0")


class Unreadable(NamedTuple):
    """Why nothing that comes after it can be taken for a request, as the client is told."""

    status: int
    code: str
    message: str


class Head:
    """Names of headers are in lower case, as ASGI wants them."""

    __slots__ = ("_coding", "_hosts", "expects", "headers", "url")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.expects = False  # `100 Continue`, before the body is sent
        self._hosts = 0
        self._coding = b"chunked"

    def add(self, name: bytes, value: bytes) -> None:
        """One more header."""
        name = name.lower()
        if name in _FRAMING:
            self._note(name, value.strip().lower())
        self.headers.append((name, value))

    def wrong(self, version: str) -> Unreadable | None:
        """What llhttp lets pass and HTTP/1.1 does not (RFC 9112, 2.3, 3.2, 6.1): where another
        server would read it otherwise, one of both has been deceived.
        """
        if version not in _VERSIONS:
            return Unreadable(505, "unsupported_version", "this server speaks HTTP/1.1")
        if self._hosts != 1 and (version == "1.1" or self._hosts):
            return Unreadable(400, "malformed_request", "a request has one header Host")
        if self._coding != b"chunked":
            text = "of transfer codings, only chunked is understood"
            return Unreadable(501, "unsupported_coding", text)
        return None

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self.expects = value == b"100-continue"
        elif value != b"chunked":
            self._coding = value

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
