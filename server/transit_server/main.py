"""The process `transit-server`: settings in, uvicorn up, one line about why when a model can't be served."""

import gc
import logging
import os
import sys
from pathlib import Path

import uvicorn

from transit_server.app import create_app
from transit_server.lifecycle import DrainingServer, Lifecycle
from transit_server.settings import Settings, SettingsError, help_text

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
        _last_words(
            f"transit-server: {error}",
            Path(os.environ.get("TRANSIT_TERMINATION_LOG", "/dev/termination-log")),
        )
        sys.exit(2)
    code = serve(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a model that hangs, or a library's thread, must not keep a drained pod from ending.
    os._exit(code)


def serve(settings: Settings) -> int:
    """Serve until told to end; the exit code."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # Model threads that hold the interpreter must give way soon, or liveness waits for each of them in turn.
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
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.request_timeout + _LAST_ANSWERS),
    )
    server = DrainingServer(config, lifecycle, settings.drain_delay)
    gc.freeze()
    server.run()
    if lifecycle.failure is not None:
        _last_words(f"transit-server: {lifecycle.failure}", settings.termination_log)
        return 1
    return 0


def _last_words(text: str, termination_log: Path) -> None:
    """One line, on stderr and where Kubernetes shows it in the pod's status."""
    line = " ".join(text.split())[:4000]
    print(line, file=sys.stderr, flush=True)
    try:
        termination_log.write_text(line + "\n", encoding="utf-8")
    except OSError:
        pass  # not in a pod


if __name__ == "__main__":
    main()
