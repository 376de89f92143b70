"""The serving process, started by `main`: the application under uvicorn, from settings to an exit
code.
"""

import faulthandler
import gc
import os
import sys
from typing import Any, NoReturn, cast

import uvicorn

from transit_models.errors import InvalidReference
from transit_server.api.feedback_tokens import BadFeedbackKey
from transit_server.app import create_app
from transit_server.http.access.api_keys import BadKeys
from transit_server.http.wire.connection_limits import Connections, Limits
from transit_server.observability import logs
from transit_server.runtime import probe_server
from transit_server.runtime.draining import DrainingServer
from transit_server.runtime.lifecycle import Lifecycle
from transit_server.runtime.listening import allow_connections, listen
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
        served = create_app(settings, lifecycle, lambda: server.stop())
        listening = listen(settings.host, settings.port)
        probing = listen(settings.host, settings.probe_port)
    except InvalidReference as error:
        termination_log.say(f"transit-server: TRANSIT_PREDICTION_LOG: {error}")
        return 2
    except (BadKeys, BadFeedbackKey) as error:
        termination_log.say(f"transit-server: {error}")
        return 2
    except OSError as error:
        ports = f"{settings.port} and {settings.probe_port}"
        termination_log.say(f"transit-server: can't listen on the ports {ports}: {error}")
        return 2
    limits = Limits(
        settings.keep_alive,
        allow_connections(settings.max_connections),
        untaken=settings.max_bodies,
    )
    config = uvicorn.Config(
        served.app,
        loop="uvloop",
        http=cast(Any, Connections(limits, served.requests.refused)),
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        headers=[("x-transit-revision", settings.revision)],
        timeout_graceful_shutdown=int(settings.request_timeout + _LAST_ANSWERS),
    )
    probe_server.start(served.probes, probing)
    server = DrainingServer(config, lifecycle, settings.drain_delay)
    gc.freeze()
    gc.enable()  # `main` imports without it
    server.run([listening])
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
