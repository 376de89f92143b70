"""A response that is ready to be sent; Starlette's own spends more time on headers than models on a
row.
"""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON = b"application/json"


class Reply(Response):
    """A whole body with its headers as bytes."""

    def __init__(self, body: bytes, status: int = 200, content_type: bytes = JSON) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": self.body})
