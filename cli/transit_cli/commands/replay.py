"""`transit replay`: what another policy would have decided in past rollouts, beside what was done.

It runs the operator's own rules, which come with the operator's package: `pipx inject`. Neighbours:
`replay.gather` asks Prometheus, `replay.simulate` decides.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from ..cluster import modeldeployments
from ..cluster.connection import Cluster
from ..cluster.prometheus import Unreachable, find
from ..exits import CommandFailed, Exit
from ..rollout.explaining.timeline import timelines
from ..rollout.status.named import as_named
from ..rollout.status.times import epoch, human
from ..screens.console import print_data, stderr, stdout
from .options import Context, Format, Kubeconfig, Namespace, Output, Prometheus, cluster

if TYPE_CHECKING:
    from ..replay.past import Past
    from ..replay.simulate import Replayed

_SINCE = "Rollouts that began at this time or later: 2026-11-27T10:00:00Z."
_TILL = "Rollouts that began at this time or earlier."
_STYLES = {"Rejected": "red", "Promoted": "green"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The ModelDeployment.", show_default=False),
    ] = None,
    namespace: Namespace = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="A ModelDeployment, or its rollout: or analysis: alone; what it doesn't say stays"
            " as it is. Default: the policy of today.",
            show_default=False,
        ),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            "--sweep",
            metavar="PATH=LOW:HIGH",
            help="Several values of one threshold, as a table: errorRate.max=0.01:0.10.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help=_SINCE, show_default="all"),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help=_TILL, show_default="all")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Keep the figures.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="Figures that were saved: no cluster is needed.",
            show_default=False,
        ),
    ] = None,
    prometheus: Prometheus = None,
    output: Output = Format.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Say what another policy would have decided in past rollouts, when and why."""
    try:
        from ..replay import past as saved
        from ..replay import policy as policies
    except ImportError as error:
        text = f"replay runs the operator's own rules, which are not installed here ({error})"
        raise CommandFailed(text, "pipx inject transit-cli PATH-TO-A-CHECKOUT") from error
    try:
        changes = policies.changes_of(policy) if policy is not None else {}
        tries = list(policies.swept(sweep)) if sweep is not None else [("", {})]
        if data is not None:
            pasts = saved.load(data)
        elif name is not None:
            there = cluster(kubeconfig, context, namespace)
            pasts = _gathered(there, name, changes, (_time(start), _time(end)), prometheus)
        else:
            raise CommandFailed("NAME or --data", "transit replay --help", Exit.USAGE)
        if save is not None:
            _save(pasts, save)
            stderr().print(f"wrote {save}")
        results = [(value, _decided(pasts, changes, more)) for value, more in tries]
    except (policies.NotAPolicy, saved.NotReadable) as error:
        raise CommandFailed(str(error), "transit replay --help") from error
    _print(pasts, results, sweep, output)
    return Exit.DONE


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    found = epoch(text)
    if found is None:
        raise CommandFailed(f"{text!r} is not a time", "--from 2026-11-27T10:00:00Z", Exit.USAGE)
    return found


def _gathered(
    there: Cluster,
    name: str,
    changes: dict[str, object],
    between: tuple[float | None, float | None],
    url: str | None,
) -> "list[Past]":
    """Return the rollouts of the history, with their figures. Raises: CommandFailed, NotAPolicy."""
    from ..replay.gather import gather
    from ..replay.policy import spec_with

    mdep, (start, end) = modeldeployments.read(there, name), between
    analysis = spec_with(mdep["spec"], changes).rollout.analysis
    chosen = [
        one
        for one in timelines(mdep)
        if one.started is not None
        and one.stable is not None
        and (start is None or one.started >= start)
        and (end is None or one.started <= end)
    ]
    if not chosen:
        text = f"the history of {name} has no rollout that could be replayed"
        if start is not None or end is not None:
            raise CommandFailed(f"{text}, of that time")
        raise CommandFailed(f"{text}: a first version is not judged")
    found, console = [], stderr()
    columns = (TextColumn("{task.description}"), BarColumn())
    hidden = not console.is_terminal
    try:
        prometheus = find(there, url)
        with Progress(*columns, console=console, transient=True, disable=hidden) as bars:
            for one in chosen:
                task = bars.add_task(one.models or one.revision, total=1.0)

                def told(part: float, task: TaskID = task) -> None:
                    bars.update(task, completed=part)

                found.append(gather(mdep, one, analysis, prometheus, time.time(), told))
    except Unreachable as error:
        elsewhere = there.command(f"transit replay {as_named(mdep)} --prometheus URL")
        raise CommandFailed(str(error), elsewhere) from error
    return found


def _save(pasts: "list[Past]", file: Path) -> None:
    from ..replay.past import save

    try:
        save(pasts, file)
    except OSError as error:
        raise CommandFailed(f"{file} can't be written: {error.strerror}") from error


def _decided(
    pasts: "list[Past]", changes: dict[str, object], more: dict[str, object]
) -> "list[Replayed]":
    """Return what a policy would have decided in each rollout. Raises: NotAPolicy."""
    from ..replay.policy import NotAPolicy, spec_with
    from ..replay.simulate import replay as decide_anew

    found = []
    for past in pasts:
        spec = spec_with(spec_with(past.spec, changes).model_dump(by_alias=True), more)
        if not past.fits(spec.rollout.analysis.interval, spec.rollout.analysis.window):
            text = "the figures were taken with another interval or window"
            raise NotAPolicy(f"{text}: gather them anew with this policy")
        found.append(decide_anew(past, spec))
    return found


def _print(
    pasts: "list[Past]",
    results: "list[tuple[str, list[Replayed]]]",
    sweep: str | None,
    output: Format,
) -> None:
    if output is not Format.TEXT:
        print_data([_data(pasts, value, found) for value, found in results], output)
        return
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    if sweep is not None:
        table.add_column(sweep.partition("=")[0], justify="right")
        for past in pasts:
            table.add_column(f"{past.title} (did: {_end(past.end, past.message)})")
        for value, found in results:
            cells = [_cell(past, one) for past, one in zip(pasts, found, strict=True)]
            table.add_row(value, *cells)
    else:
        for column in ("rollout", "did", "would", "in words"):
            table.add_column(column, overflow="fold")
        for past, one in zip(pasts, results[0][1], strict=True):
            did = _ended(past.started, past.end, past.message, past.ended)
            table.add_row(past.title, did, _cell(past, one), Text(one.message, "dim"))
    stdout().print(table)


def _cell(past: "Past", one: "Replayed") -> Text:
    return _ended(past.started, one.end, one.message, one.at, open_end="goes on")


def _ended(
    started: float, end: str | None, message: str, at: float | None, open_end: str = "goes on"
) -> Text:
    if end is None or at is None:
        return Text(open_end, "cyan")
    return Text(f"{_end(end, message)} at {human(at - started)}", _STYLES.get(end, "yellow"))


def _end(end: str | None, message: str) -> str:
    return message.partition(":")[0] if end == "Rejected" else (end or "goes on")


def _data(pasts: "list[Past]", value: str, found: "list[Replayed]") -> dict[str, object]:
    rollouts = [
        {
            "revision": past.candidate,
            "models": past.title,
            "did": {"end": past.end, "at": past.ended, "message": past.message},
            "would": {
                "end": one.end,
                "at": one.at,
                "message": one.message,
                "steps": [{"at": at, "weight": weight} for at, weight in one.steps],
            },
        }
        for past, one in zip(pasts, found, strict=True)
    ]
    return {**({"value": value} if value else {}), "rollouts": rollouts}
