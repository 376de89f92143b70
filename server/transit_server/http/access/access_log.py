"""The access log: a line for a request, with nothing in it that the client sent but its id."""

import logging
import time

from transit_server.http.request import HttpRequest
from transit_server.observability.logs import fields

log = logging.getLogger("transit_server.access")

# The lowest status that each value of TRANSIT_ACCESS_LOG writes.
NEVER = 1000
FROM_STATUS = {"all": 100, "errors": 500, "off": NEVER}


def write(request: HttpRequest, route: str, status: int, revision: str) -> None:
    """The line for one request that has its answer."""
    told = fields(
        request_id=request.request_id,
        method=request.scope["method"],
        route=route,
        status=status,
        ms=round((time.perf_counter() - request.started) * 1e3, 3),
        revision=revision,
        model=request.model,
        version=request.version,
        client=request.client_name,
        code=request.code,
    )
    level = logging.WARNING if status >= 500 else logging.INFO
    log.log(level, "request", extra=told)
