"""The one place where an error becomes an HTTP answer: its status, its headers, its body.

The guide's API answers `{"error": {"code", "message", "field"}}`, the Open Inference Protocol
`{"error": "..."}`.
"""

import logging
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from transit_server import errors
from transit_server.http.replies import Reply

log = logging.getLogger(__name__)

_STATUS: dict[type[errors.ServingError], int] = {
    errors.MalformedBody: 400,
    errors.InvalidInput: 422,
    errors.UnknownModel: 404,
    errors.BodyTooLarge: 413,
    errors.ClientMistake: 400,
    errors.NotReady: 503,
    errors.Overloaded: 503,
    errors.TimedOut: 504,
    errors.PredictionFailed: 500,
}
_RETRY_AFTER = {503: b"1"}


def reply_to(error: Exception, path: str) -> Reply:
    """The answer to whatever went wrong while answering `path`."""
    if isinstance(error, errors.ServingError):
        status = _STATUS.get(type(error), 500)
        return problem(path, status, error.code, error.message, error.field)
    if isinstance(error, HTTPException):
        reply = problem(path, error.status_code, "http", str(error.detail))
        for name, value in (error.headers or {}).items():
            reply.raw_headers.append((name.lower().encode(), value.encode()))
        return reply
    log.error("unexpected error on %s", path, exc_info=error)
    return problem(path, 500, "internal", "an error in the server; its log says more")


def problem(path: str, status: int, code: str, message: str, field: str | None = None) -> Reply:
    """An error's answer, in the schema of the API that `path` belongs to."""
    body: dict[str, Any]
    if path.startswith("/v2"):
        body = {"error": f"{field}: {message}" if field else message}
    else:
        body = {"error": {"code": code, "message": message, "field": field}}
    reply = Reply(msgspec.json.encode(body), status)
    if status in _RETRY_AFTER:
        reply.raw_headers.append((b"retry-after", _RETRY_AFTER[status]))
    return reply
