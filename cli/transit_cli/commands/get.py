"""`transit get`: the ModelDeployments of a namespace, one line each."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from ..cluster import modeldeployments
from ..exits import CommandFailed, Exit
from ..rollout.status.reading import read
from ..screens.console import print_data, stderr, stdout
from ..screens.listing import listing
from .options import Context, Kubeconfig, Namespace, cluster

Everywhere = Annotated[
    bool, typer.Option("-A", "--all-namespaces", help="Those of all namespaces.")
]


class Format(StrEnum):
    """How the list is printed."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("get")(get)


def get(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only this one.", show_default=False),
    ] = None,
    namespace: Namespace = None,
    everywhere: Everywhere = False,
    output: Annotated[
        Format,
        typer.Option(
            "-o",
            "--output",
            metavar="FORMAT",
            help="text, wide (with revisions and the message), json or yaml.",
        ),
    ] = Format.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """List ModelDeployments: phase, versions, weight and step of each."""
    if name is not None and everywhere:
        text = "NAME is of one namespace: give -n, or -A without a name"
        raise CommandFailed(text, "transit get -A", Exit.USAGE)
    there = cluster(kubeconfig, context, namespace)
    if name is not None:
        found = [modeldeployments.read(there, name)]
    else:
        found = modeldeployments.listed(there, everywhere=everywhere)
    shown = sorted((read(one) for one in found), key=lambda one: (one.namespace, one.name))
    if output in (Format.JSON, Format.YAML):
        data = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in shown]
        print_data(data[0] if name is not None else data, output)
    elif not shown:
        where = "any namespace" if everywhere else f"the namespace {there.namespace}"
        stderr().print(f"no ModelDeployment in {where}")
    else:
        wide = output is Format.WIDE
        stdout().print(listing(shown, everywhere=everywhere, wide=wide, now=time.time()))
    return Exit.DONE
