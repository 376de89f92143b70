"""Stops every write of a process that may not write (any more), at the last possible moment.

A check before a request isn't enough: a request can wait for a connection, and the process can be
frozen meanwhile. So it is checked again when the connection is there: all that is left until the
request's bytes go out is a fraction of a millisecond of computing.
Neighbours: `runtime.leading.leader` knows whether this process may write; `kubernetes` makes the
requests.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiohttp

from .kubernetes import NotLeading

READS = {"GET", "HEAD", "OPTIONS"}


def fence(may_write: Callable[[], bool]) -> aiohttp.TraceConfig:
    """Return what makes a client session raise NotLeading instead of sending a write.

    Give it to the client as `Configuration.trace_configs`.
    """

    def check(context: SimpleNamespace) -> None:
        if context.method not in READS and not may_write():
            raise NotLeading(
                f"{context.method} {context.path}: not sent, this process does not lead"
            )

    async def started(_: Any, context: SimpleNamespace, request: Any) -> None:
        context.method, context.path = request.method.upper(), request.url.path
        check(context)

    async def connected(_: Any, context: SimpleNamespace, __: Any) -> None:
        check(context)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(started)
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    return trace
