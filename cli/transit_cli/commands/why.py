"""`transit why`: why a revision was rolled back, or why a rollout waits; in words and with a plot.

The status alone is enough for the words. Prometheus adds the plot, and the pods and classes that
stood out; where it can't be asked, the answer says so. Neighbours: `rollout.explaining.why` has
the answer, `screens.page` the one for a post-mortem.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from ..cluster import modeldeployments
from ..cluster.connection import Cluster, Object
from ..cluster.measured import measured_curves, stood_out
from ..cluster.prometheus import Unreachable, find
from ..exits import CommandFailed, Exit
from ..rollout.explaining.curves import Curves
from ..rollout.explaining.why import NoSuchRevision, Why, plotted, why
from ..rollout.status.named import as_named
from ..screens.answer import answer
from ..screens.console import print_data, stderr, stdout
from ..screens.page import page
from ..screens.plot import plot
from .options import Context, Format, Kubeconfig, Name, Namespace, Output, Prometheus, cluster


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("why")(command)


def command(
    name: Name,
    namespace: Namespace = None,
    revision: Annotated[
        str | None,
        typer.Option(
            "-r",
            "--revision",
            metavar="REVISION",
            help="A revision of the history, by its hash or its version. Default: what is going"
            " on, or what was rolled back last.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write one page for a post-mortem: plots of all signals, timeline, diff.",
            show_default=False,
        ),
    ] = None,
    prometheus: Prometheus = None,
    plots: Annotated[
        bool, typer.Option("--plot/--no-plot", help="A plot over the rollout.")
    ] = True,
    output: Output = Format.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Say in plain words why a version was rolled back, or why a rollout waits."""
    there = cluster(kubeconfig, context, namespace)
    mdep = modeldeployments.read(there, name)
    try:
        found = why(mdep, revision, time.time())
    except NoSuchRevision as error:
        look = there.command(f"transit status {as_named(mdep)}")
        raise CommandFailed(str(error), look) from error
    wanted = plotted(mdep, found) if html is not None else tuple(filter(None, [found.signal]))
    found = found.model_copy(update={"try_next": tuple(map(there.command, found.try_next))})
    found, curves = _measured(there, mdep, found, prometheus, wanted if plots or html else ())
    if html is not None:
        _write(html, page(mdep, found, curves, _diff(there, mdep, found)))
        stderr().print(f"wrote {html}")
    if output is not Format.TEXT:
        print_data(found.model_dump(mode="json", by_alias=True, exclude_none=True), output)
        return Exit.DONE
    console = stdout()
    console.print(answer(found))
    mine = [one for one in curves if one.signal == found.signal]
    if plots and mine and found.timeline is not None:
        console.print()
        width = min(console.width, 110)
        console.print(plot(mine[0], found.timeline, width, colours=console.is_terminal))
    for text in found.try_next:
        console.print(f"try: {text}", style="dim")
    return Exit.DONE


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{file} can't be written: {error.strerror}") from error


def _measured(
    there: Cluster, mdep: Object, found: Why, url: str | None, signals: tuple[str, ...]
) -> tuple[Why, list[Curves]]:
    """Return the answer with what Prometheus knows, and curves; or why it could not be asked."""
    if found.revision is None:
        return found, []
    try:
        prometheus = find(there, url)
        curves = measured_curves(mdep, found, prometheus, signals)
        out = tuple(stood_out(mdep, found, prometheus))
    except Unreachable as error:
        return found.model_copy(update={"sources": f"the status alone: {error}"}), []
    sources = f"the status, and Prometheus at {prometheus.where}"
    return found.model_copy(update={"sources": sources, "stood_out": out}), curves


def _diff(there: Cluster, mdep: Object, found: Why) -> list[str]:
    one = found.timeline
    if one is None or not one.stable:
        return []
    return modeldeployments.changed(there, mdep["metadata"]["name"], one.stable, one.revision)
