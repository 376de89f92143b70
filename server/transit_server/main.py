"""The process `transit-server`: settings in, uvicorn up, one line about why when a model can't be
served.
"""

import faulthandler
import gc
import os
import sys
from pathlib import Path

import uvicorn

from transit_server import logs
from transit_server.app import create_app
from transit_server.last_words import LastWords
from transit_server.lifecycle import DrainingServer, Lifecycle
from transit_server.settings import Settings, SettingsError, help_text

_TERMINATION_LOG = "TRANSIT_TERMINATION_LOG"
_SWITCH_INTERVAL = 0.001
_LAST_ANSWERS = 5.0


def main() -> None:
    """The entry point; ends the process with its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--help"], ["-h"]):
        print(help_text())
        return
    if arguments:
        sys.exit("transit-server takes no arguments; see transit-server --help")
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        path = Path(os.environ.get(_TERMINATION_LOG, "/dev/termination-log"))
        LastWords(path).say(f"transit-server: {error}")
        sys.exit(2)
    code = serve(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a model that hangs must not keep a drained pod from ending.
    os._exit(code)


def serve(settings: Settings) -> int:
    """Serve until told to end; the exit code."""
    logs.start(settings.log_level)
    faulthandler.enable()
    # Model threads that hold the interpreter must give way soon, or liveness waits for each.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    lifecycle = Lifecycle()
    app = create_app(settings, lifecycle, on_failure=lambda: server.stop())
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
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
    server.run()
    if lifecycle.failure is not None:
        LastWords(settings.termination_log).say(f"transit-server: {lifecycle.failure}")
        return 1
    return 0


if __name__ == "__main__":
    main()
