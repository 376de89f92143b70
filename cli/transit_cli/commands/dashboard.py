"""`transit dashboard`: the live page of all rollouts, on this machine, with the user's own rights.

Neighbour: `transit_cli.dashboard` is the page.
"""

from typing import Annotated

import typer

from ..cluster import modeldeployments
from ..cluster.connection import Forbidden
from ..exits import Exit
from ..screens.console import stdout
from .options import Context, Kubeconfig, Namespace, Prometheus, cluster


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dashboard")(dashboard)


def dashboard(
    namespace: Namespace = None,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", help="0: one that is free.", min=0, max=65535)
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")
    ] = True,
    prometheus: Prometheus = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Open the live page of all ModelDeployments on 127.0.0.1: look, read why, steer.

    It shows all namespaces, or with -n one. Nobody else can open it; Ctrl-C ends it.
    """
    there = cluster(kubeconfig, context, namespace)
    everywhere = namespace is None
    try:
        modeldeployments.peek(there, everywhere=everywhere)
    except Forbidden as failure:
        if everywhere:
            failure.hint = there.command(f"transit dashboard -n {there.namespace}")
        raise
    from ..dashboard.serve import serve  # its web server takes longer to load than other commands

    serve(
        there,
        everywhere=everywhere,
        prometheus=prometheus,
        port=port,
        about=there.host + ("" if everywhere else f", namespace {there.namespace}"),
        told=lambda url: stdout().print(url, soft_wrap=True),
        browser=browser,
    )
    return Exit.DONE
