"""The second listener: probes and metrics, on a thread and an event loop of their own.

`process` starts it before the models are loaded and never stops it: it answers until the process
ends.
"""

import socket
import threading
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from transit_server.http.wire.connection_limits import Connections, Limits

_LIMITS = Limits(keep_alive=3900.0, connections=256, patience=10.0)


def start(app: ASGIApp, listening: socket.socket) -> None:
    """Serve `app` on `listening` from now on."""
    config = uvicorn.Config(
        app,
        interface="asgi3",
        loop="uvloop",
        http=cast(Any, Connections(_LIMITS)),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listening],), name="probes", daemon=True).start()
