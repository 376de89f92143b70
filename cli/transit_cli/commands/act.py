"""The commands that steer a rollout: each sets `transit.dev/action`, waits, and tells what came.

Neighbours: `cluster.acting` gives the command, `rollout.steering.command` reads what became of it.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from ..cluster.acting import give
from ..cluster.connection import Cluster
from ..exits import Exit
from ..rollout.status.named import named
from ..rollout.steering.command import Handled
from ..screens.console import print_data, problem, stdout
from .options import Context, Format, Kubeconfig, Name, Namespace, Output, cluster, limit

Timeout = Annotated[
    str,
    typer.Option("--timeout", metavar="DURATION", help="How long to wait for the operator."),
]

_TEXTS = {
    "abort": "Reject the candidate now; while traffic moves back, move all of it at once.",
    "retry": "Try a rejected revision again.",
    "pause": "Take no further step; evaluations and rollbacks go on.",
    "resume": "Go on after a pause.",
    "rollback": "Go back to the stable version before this one; with a candidate, as abort.",
    "resolve": "Resolve the versions of the spec again: an alias may have moved.",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("promote", rich_help_panel="Steer a rollout")(promote)
    for verb, text in _TEXTS.items():
        app.command(verb, help=text, rich_help_panel="Steer a rollout")(_command(verb))


def promote(
    name: Name,
    namespace: Namespace = None,
    full: Annotated[
        bool, typer.Option("--full", help="All traffic at once, then promoted.")
    ] = False,
    timeout: Timeout = "30s",
    output: Output = Format.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Take the next step now, without waiting for its hold or for data.

    A failing signal still rejects the candidate. With --full it gets all traffic at once.
    """
    verb, most = "promote-full" if full else "promote", limit(timeout)
    return act(cluster(kubeconfig, context, namespace), name, verb, most, output)


def _command(verb: str) -> Callable[..., int]:
    def command(
        name: Name,
        namespace: Namespace = None,
        timeout: Timeout = "30s",
        output: Output = Format.TEXT,
        kubeconfig: Kubeconfig = None,
        context: Context = None,
    ) -> int:
        most = limit(timeout)
        return act(cluster(kubeconfig, context, namespace), name, verb, most, output)

    return command


def act(there: Cluster, name: str, verb: str, most: float, output: Format) -> int:
    """Give a command, wait until the operator has handled it, and say what happened."""
    action, found = give(there, name, verb, most)
    return _tell(found, there, name, action, output)


def _tell(found: Handled, there: Cluster, name: str, action: str, output: Format) -> int:
    if output is not Format.TEXT:
        events = [e.model_dump(mode="json", by_alias=True, exclude_none=True) for e in found.events]
        done = found.code is Exit.DONE
        data = {"action": action, "done": done, "message": found.text, "events": events}
        print_data(data, output)
    elif found.code is Exit.DONE:
        for event in found.events:
            stdout().print(f"{event.reason}: {event.message}")
        stdout().print(found.text)
    else:
        problem(found.text, there.command(f"transit status {named(there.namespace, name)}"))
    return found.code
