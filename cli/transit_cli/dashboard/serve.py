"""Run the page on 127.0.0.1 until it is interrupted, and open the browser.

Neighbours: `commands.dashboard` has the options; `guard` who may come in.
"""

import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from ..cluster.connection import Cluster
from ..exits import CommandFailed
from .app import create
from .fleet import Fleet, Watch
from .guard import Guard, Secrets
from .pages import Pages
from .sources import Sources

HOST = "127.0.0.1"
_LAST_SECONDS = 2  # for open event streams, which never end by themselves


def serve(
    cluster: Cluster,
    *,
    everywhere: bool,
    prometheus: str | None,
    port: int,
    about: str,
    told: Callable[[str], None],
    browser: bool,
) -> None:
    """Serve until interrupted. `told` gets the address once it can be opened.

    Raises: CommandFailed, where the port is taken.
    """
    listening = _listen(port)
    address, secrets = f"{HOST}:{listening.getsockname()[1]}", Secrets()
    fleet = Fleet()
    app = create(
        fleet,
        Watch(fleet, cluster, everywhere=everywhere),
        Sources(cluster, prometheus),
        Pages(secrets.token),
        about,
    )
    guarded = Guard(app, listening.getsockname()[1], secrets)
    config = uvicorn.Config(
        guarded,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    url = f"http://{address}/?key={secrets.key}"
    told(url)
    if browser:
        webbrowser.open(url)
    uvicorn.Server(config).run([listening])


def _listen(port: int) -> socket.socket:
    """Listen before anything is said, so that the address that is said is ours."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as error:
        found.close()
        raise CommandFailed(f"port {port} can't be had: {error}", "transit dashboard") from error
    found.listen(128)
    return found
