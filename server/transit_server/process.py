"""One serving process: the application under uvicorn, from settings to an exit code.

The whole server, or one worker of several; `main` and `workers.worker` start it.
"""

import faulthandler
import gc
import os
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

import uvicorn

from transit_server import logs
from transit_server.app import create_app
from transit_server.http.heads import BoundedHeads
from transit_server.last_words import LastWords
from transit_server.lifecycle import DrainingServer, Lifecycle
from transit_server.settings import Settings

if TYPE_CHECKING:
    from transit_server.workers.siblings import Siblings

_SWITCH_INTERVAL = 0.001
_LAST_ANSWERS = 5.0


def serve(
    settings: Settings,
    siblings: "Siblings | None" = None,
    sockets: list[socket.socket] | None = None,
) -> int:
    """Serve until told to end; the exit code. Listens on `sockets`, by default as the settings
    say.
    """
    logs.start(settings.log_level)
    faulthandler.enable()
    # Model threads that hold the interpreter must give way soon, or liveness waits for each.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    lifecycle = Lifecycle()
    app = create_app(settings, lifecycle, lambda: server.stop(), siblings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedHeads,
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        headers=[("x-transit-revision", settings.revision)],
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.request_timeout + _LAST_ANSWERS),
    )
    server = DrainingServer(config, lifecycle, settings.drain_delay)
    gc.freeze()
    gc.enable()  # `main` imports without it
    server.run(sockets)
    if lifecycle.failure is not None:
        LastWords(settings.termination_log).say(f"transit-server: {lifecycle.failure}")
        return 1
    return 0


def finish(code: int) -> NoReturn:
    """End the process, whatever its threads do: a model that hangs must not keep a drained pod from
    ending.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
