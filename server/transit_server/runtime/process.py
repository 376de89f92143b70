"""The serving process, started by `main`: the application under uvicorn, from settings to an exit
code.
"""

import faulthandler
import gc
import os
import sys
from typing import NoReturn

import uvicorn

from transit_server.api.feedback_tokens import BadFeedbackKey
from transit_server.app import create_app
from transit_server.http.api_keys import BadKeys
from transit_server.http.head_limits import BoundedHeads
from transit_server.observability import logs
from transit_server.runtime.draining import DrainingServer
from transit_server.runtime.lifecycle import Lifecycle
from transit_server.runtime.termination_log import TerminationLog
from transit_server.settings import Settings

_SWITCH_INTERVAL = 0.001
_LAST_ANSWERS = 5.0


def serve(settings: Settings) -> int:
    """Serve until told to end; the exit code."""
    logs.start(settings.log_level)
    faulthandler.enable()
    # Model threads that hold the interpreter must give way soon, or liveness waits for each.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    lifecycle = Lifecycle()
    termination_log = TerminationLog(settings.termination_log)
    try:
        app = create_app(settings, lifecycle, lambda: server.stop())
    except (BadKeys, BadFeedbackKey) as error:
        termination_log.say(f"transit-server: {error}")
        return 2
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
    server.run()
    if lifecycle.failure is not None:
        termination_log.say(f"transit-server: {lifecycle.failure}")
        return 1
    return 0


def finish(code: int) -> NoReturn:
    """End the process, whatever its threads do: a model that hangs must not keep a drained pod from
    ending.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
