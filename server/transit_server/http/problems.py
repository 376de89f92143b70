"""The one place where an error becomes an HTTP answer: its status, its headers, its body.

The guide's API answers `{"error": {"code", "message", "field"}}`, the Open Inference Protocol
`{"error": "..."}`.
"""

import logging
import math
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from transit_server import errors
from transit_server.http.replies import Reply

log = logging.getLogger(__name__)

_STATUS: dict[type[errors.ServingError], int] = {
    errors.MalformedBody: 400,
    errors.InvalidInput: 422,
    errors.RowInQuarantine: 422,
    errors.UnknownModel: 404,
    errors.UnknownPath: 404,
    errors.BodyTooLarge: 413,
    errors.SlowBody: 408,
    errors.UnsupportedEncoding: 415,
    errors.ForeignOrigin: 403,
    errors.NotYours: 403,
    errors.ClientMistake: 400,
    errors.Unauthorized: 401,
    errors.RateLimited: 429,
    errors.FeedbackOff: 501,
    errors.FeedbackFull: 503,
    errors.NotReady: 503,
    errors.Overloaded: 503,
    errors.CircuitOpen: 503,
    errors.TimedOut: 504,
    errors.PredictionFailed: 500,
}
# After these the connection is closed: the rest of the body is not wanted.
CLOSES = (errors.BodyTooLarge, errors.SlowBody)


def reply_to(error: Exception, route: str, request_id: str) -> Reply:
    """The answer to whatever went wrong while answering at `route`, which is a path's pattern: what
    clients send is in no log.
    """
    if isinstance(error, errors.ServingError):
        status = _STATUS.get(type(error), 500)
        reply = problem(route, status, error.code, error.message, error.field)
        if status in (429, 503):
            seconds = max(1, math.ceil(error.retry_after or 0))
            reply.raw_headers.append((b"retry-after", b"%d" % seconds))
        elif status == 401:
            reply.raw_headers.append((b"www-authenticate", b'Bearer realm="transit"'))
        if isinstance(error, CLOSES):
            reply.raw_headers.append((b"connection", b"close"))
        return reply
    if isinstance(error, HTTPException):
        reply = problem(route, error.status_code, "http", str(error.detail))
        for name, value in (error.headers or {}).items():
            reply.raw_headers.append((name.lower().encode(), value.encode()))
        return reply
    log.error("unexpected error on %s, request id %s", route, request_id, exc_info=error)
    text = f"an error in the server; its log says more; request id {request_id}"
    return problem(route, 500, "internal", text)


def problem(route: str, status: int, code: str, message: str, field: str | None = None) -> Reply:
    """An error's answer, in the schema of the API that `route` belongs to."""
    body: dict[str, Any]
    if route.startswith("/v2"):
        body = {"error": f"{field}: {message}" if field else message}
    else:
        body = {"error": {"code": code, "message": message, "field": field}}
    return Reply(msgspec.json.encode(body), status)
