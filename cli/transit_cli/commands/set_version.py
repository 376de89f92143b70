"""`transit set version`: ask for another version of a model; a rollout starts.

Only where nobody else writes the spec: of one that Git owns it warns, since Git would change it
back. Neighbours: `rollout.steering.wanted` makes the change, `status --watch` follows what comes of
it.
"""

from typing import Annotated

import typer

from ..cluster import modeldeployments
from ..exits import CommandFailed, Exit
from ..rollout.status.named import as_named
from ..rollout.steering.wanted import NotAVersion, change, owner, parsed
from ..screens.console import print_data, stderr, stdout
from .options import Context, Format, Kubeconfig, Name, Namespace, Output, cluster

_app = typer.Typer(help="Change what a ModelDeployment asks for.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    _app.command("version")(version)
    app.add_typer(_app, name="set", rich_help_panel="Steer a rollout")


@_app.callback()
def _set() -> None:
    """Change what a ModelDeployment asks for."""


def version(
    name: Name,
    versions: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL=VERSION…",
            help="xgboost=1.2.0, several if need be; of a single model the version alone.",
            show_default=False,
        ),
    ],
    namespace: Namespace = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the API server check it, and change nothing.")
    ] = False,
    output: Output = Format.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Ask for other versions of models: [bold]transit set version kepler xgboost=1.2.0[/bold]"""
    there = cluster(kubeconfig, context, namespace)
    mdep = modeldeployments.read(there, name)
    try:
        changes = change(mdep, parsed(versions, mdep))
    except NotAVersion as error:
        look = there.command(f"transit get {as_named(mdep)} -o yaml")
        raise CommandFailed(str(error), look, Exit.USAGE) from error
    if who := owner(mdep):
        stderr().print(f"warning: {who} writes this spec too, and may change it back")
    if changes:
        patch = [operation for one in changes for operation in one.patch]
        modeldeployments.patch(there, name, patch, dry_run=dry_run)
    if output is not Format.TEXT:
        data = [{"model": c.model, "from": c.before, "to": c.after} for c in changes]
        print_data({"changed": data, "dryRun": dry_run}, output)
        return Exit.DONE
    for one in changes:
        stdout().print(f"{one.model} {one.before} → {one.after}{' (dry run)' if dry_run else ''}")
    if not changes:
        stdout().print("nothing to change: the spec asks for that already")
    elif not dry_run:
        follow = there.command(f"transit status {as_named(mdep)} --watch")
        stdout().print(f"{follow} follows it", style="dim")
    return Exit.DONE
