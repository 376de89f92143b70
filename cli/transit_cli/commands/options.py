"""Options that commands share, as kubectl has them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..cluster.connection import Cluster
from ..cluster.kubeconfig import connect
from ..cluster.modeldeployments import listed
from ..exits import CommandFailed, Exit
from ..rollout.status.times import seconds


class Format(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


def _names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names that there are, for completion; none where no cluster answers."""
    given = context.params
    try:
        there = connect(given.get("kubeconfig"), given.get("context"), given.get("namespace"))
        names = [one["metadata"]["name"] for one in listed(there)]
    except CommandFailed:
        return []
    return [name for name in names if name.startswith(incomplete)]


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The ModelDeployment.", show_default=False, autocompletion=_names
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NAMESPACE",
        help="Default: that of the kubeconfig's context.",
        show_default=False,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="CONTEXT",
        help="A context of the kubeconfig.",
        show_default=False,
        rich_help_panel="Cluster",
    ),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        help="Default: $KUBECONFIG, ~/.kube/config, or inside a cluster its own.",
        show_default=False,
        rich_help_panel="Cluster",
    ),
]
Prometheus = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        metavar="URL",
        envvar="TRANSIT_PROMETHEUS",
        help="Default: as the operator has it, through the API server's proxy.",
        show_default=False,
    ),
]
Output = Annotated[
    Format,
    typer.Option("-o", "--output", metavar="FORMAT", help="text, json or yaml."),
]


def cluster(kubeconfig: Path | None, context: str | None, namespace: str | None) -> Cluster:
    """Return the cluster that the options name. Raises: CommandFailed."""
    return connect(str(kubeconfig) if kubeconfig else None, context, namespace)


def limit(duration: str, option: str = "--timeout") -> float:
    """Return the seconds of an option. Raises: CommandFailed."""
    try:
        return seconds(duration)
    except ValueError as error:
        raise CommandFailed(f"{option}: {error}", f"{option} 30s", Exit.USAGE) from error
