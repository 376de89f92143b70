"""`transit status`: one rollout as a tree, once or until it ends. Pipelines read its exit code.

On a terminal the tree is drawn anew at each change; into a pipe one line is printed for each thing
that happens. Neighbours: `rollout.steering.outcome` says when it is over, `screens.tree` draws.
"""

import json
import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.live import Live

from ..cluster import modeldeployments
from ..cluster.connection import Cluster, Object
from ..cluster.following import follow
from ..exits import Exit
from ..rollout.status.named import as_named
from ..rollout.status.reading import read
from ..rollout.status.shown import Shown
from ..rollout.status.times import human
from ..rollout.status.trend import Trend
from ..rollout.steering.outcome import Followed, Outcome, Until, outcome
from ..screens import tree
from ..screens.console import print_data, problem, stdout
from ..screens.lines import Lines
from .options import Context, Format, Kubeconfig, Name, Namespace, Output, cluster, limit

TICK_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    name: Name,
    namespace: Namespace = None,
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Follow it until it ends.")] = False,
    until: Annotated[
        Until | None,
        typer.Option(
            "--until",
            help="What to wait for. Promoted: the last hold is over, too. Baking: it has all"
            " traffic. Stable: nothing is under way, whichever version serves. Implies --watch.",
            show_default="Promoted",
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            metavar="DURATION",
            help="Give up after so long, with exit code 2: 90s, 30m, 26h. Implies --watch.",
            show_default="never",
        ),
    ] = None,
    output: Output = Format.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Show a rollout: revisions, pods, weights, the step, and each signal with its bound.

    With --watch the exit code says how it ended: 0 promoted, 1 rolled back (and why), 2 timed out.
    """
    most = limit(timeout) if timeout is not None else None
    there = cluster(kubeconfig, context, namespace)
    if not (watch or until or timeout):
        mdep = modeldeployments.read(there, name)
        shown = read(mdep, modeldeployments.pods(there, name), time.time())
        if output is Format.TEXT:
            stdout().print(tree.status(shown, {}, time.time()))
        else:
            print_data(_data(shown), output)
        return Exit.DONE
    ended = _Watch(there, name, until or Until.PROMOTED, most).run(output)
    if output is Format.TEXT:
        _say(ended, there)
    return ended.code


class _Watch:
    """Follows one rollout to its end."""

    def __init__(self, there: Cluster, name: str, until: Until, most: float | None) -> None:
        self._cluster = there
        self._name = name
        self._until = until
        self._limit = most
        self._trend = Trend()
        self._ended: Outcome | None = None

    def run(self, output: Format) -> Outcome:
        """Draw, print lines, or print data, until it ends."""
        console = stdout()
        if output is not Format.TEXT:
            for shown in self._changes():
                _print_line(shown, output)
        elif console.is_terminal:
            # What doesn't fit is cut while it is live; the last screen is printed whole.
            with Live(console=console, auto_refresh=False, transient=True) as live:
                for shown in self._looks():
                    screen = tree.status(shown, self._trend.numbers, time.time())
                    live.update(screen, refresh=True)
            console.print(screen)
        else:
            lines = Lines()
            for shown in self._looks():
                for line in lines.new(shown):
                    print(line, flush=True)
        assert self._ended is not None
        return self._ended

    def _looks(self) -> Iterator[Shown]:
        """Yield what is seen at each change and tick; the last one is the end."""
        deadline = time.monotonic() + self._limit if self._limit is not None else None
        followed = Followed()
        for mdep in follow(self._cluster, self._name, TICK_SECONDS):
            followed = followed.seeing(mdep)
            self._trend.see(mdep)
            self._ended = outcome(mdep, self._until, followed)
            if self._ended is None and deadline is not None and time.monotonic() > deadline:
                self._ended = _timed_out(mdep, self._limit or 0.0)
            pods = modeldeployments.pods(self._cluster, self._name)
            yield read(mdep, pods, time.time())
            if self._ended is not None:
                return

    def _changes(self) -> Iterator[Shown]:
        """Yield what differs from the look before, but for the clocks."""
        before: Shown | None = None
        for shown in self._looks():
            same = shown.model_copy(update={"step": None})
            if same != before or self._ended is not None:
                yield shown
            before = same


def _timed_out(mdep: Object, most: float) -> Outcome:
    status = mdep.get("status") or {}
    text = f"not over after {human(most)}; {status.get('phase')}: {status.get('message')}"
    return Outcome(Exit.TIMED_OUT, text, f"transit why {as_named(mdep)}")


def _say(ended: Outcome, there: Cluster) -> None:
    if ended.code is Exit.DONE:
        stdout().print(ended.text)
    else:
        problem(ended.text, there.command(ended.hint) if ended.hint else "")


def _data(shown: Shown) -> Object:
    return shown.model_dump(mode="json", by_alias=True, exclude_none=True)


def _print_line(shown: Shown, output: Format) -> None:
    """Print one document of several: JSON on a line, YAML after dashes."""
    if output is Format.JSON:
        print(json.dumps(_data(shown), ensure_ascii=False), flush=True)
    else:
        print("---", flush=True)
        print_data(_data(shown), output)
