"""Run the page on 127.0.0.1 until it is interrupted, and open the browser.

Neighbours: `commands.dashboard` has the options; `guard` who may come in.
"""

import socket
import webbrowser
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp

from ..cluster.connection import Cluster
from ..cluster.prometheus import find
from ..exits import CommandFailed
from .app import create
from .data.fleet import Fleet, Watch
from .data.sources import Sources
from .guard import Guard, Secrets
from .pages import Pages

HOST = "127.0.0.1"
_LAST_SECONDS = 2  # for what is being answered, at the end


def serve(
    cluster: Cluster,
    *,
    everywhere: bool,
    prometheus: str | None,
    port: int,
    about: str,
    told: Callable[[str], None],
    browser: bool,
) -> NoReturn:
    """Serve until interrupted. `told` gets the address once it can be opened.

    Raises: CommandFailed, where the port is taken; KeyboardInterrupt, at the end.
    """
    listening = _listen(port, cluster)
    port, secrets = listening.getsockname()[1], Secrets()
    fleet = Fleet()
    watch = Watch(fleet, cluster, [] if everywhere else [cluster.namespace])
    sources = Sources(cluster, lambda: find(cluster, prometheus))
    app = create(fleet, watch, sources, Pages(), about)
    told(f"http://{HOST}:{port}/?key={secrets.key}")
    if browser:
        webbrowser.open(f"http://{HOST}:{port}/?key={secrets.once}")
    run(Guard(app, port, secrets, cluster), watch, listening)
    # uvicorn raises the signal that it took once more, but where SIGINT is ignored, as in what a
    # script starts in the background, that ends nothing.
    raise KeyboardInterrupt


def run(app: ASGIApp, watch: Watch, listening: socket.socket) -> None:
    """Serve until a signal ends it."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    _Server(config, watch).run([listening])


class _Server(uvicorn.Server):
    """Ends the event streams first when it is to end, since they don't by themselves."""

    def __init__(self, config: uvicorn.Config, watch: Watch) -> None:
        super().__init__(config)
        self._watch = watch

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        self._watch.stop()
        super().handle_exit(sig, frame)


def _listen(port: int, cluster: Cluster) -> socket.socket:
    """Listen before anything is said, so that the address that is said is ours."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as error:
        found.close()
        text = f"port {port} can't be had: {error.strerror}"
        raise CommandFailed(text, cluster.command("transit dashboard")) from error
    found.listen(128)
    return found
