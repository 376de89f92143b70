"""`transit status`: the rollout as a tree: revisions with their pods, the step, each signal.

Neighbours: `rollout.status.shown` has what is drawn; `trend` what was seen of the signals before.
"""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ..rollout.status.shown import Event, Pod, Revision, Shown, Signal, Step
from ..rollout.status.signals import counted, kind_of
from ..rollout.status.times import epoch, human
from .console import STYLES, VERDICTS, joined
from .listing import weight_bar
from .spark import spark

_ROLES = {
    "candidate": "bold cyan",
    "stable": "bold green",
    "standby": "green",
    "leaving": "red",
    "rejected": "red",
    "other": "dim",
}
_EVENTS = 5
_SHORT = 40  # characters

Trends = Mapping[str, Sequence[float]]


def status(shown: Shown, trends: Trends, now: float) -> RenderableType:
    """Return the whole screen."""
    style = STYLES.get(shown.phase, "default")
    head = Text.assemble((f"{shown.namespace}/{shown.name}", "bold"), "  ", (shown.phase, style))
    tree = Tree(head, guide_style="dim")
    for revision in shown.revisions:
        if revision.role != "rejected" or revision.pods:
            _add_revision(tree, revision, now)
    if shown.step is not None:
        tree.add(_step(shown.step))
    for check in shown.checks:
        tree.add(Text.assemble(("check  ", "bold"), check))
    if shown.signals:
        tree.add(Group(Text("signals", "bold"), _signals(shown.signals, trends)))
    if shown.history:
        tree.add(Group(Text("history", "bold"), _history(shown.history, now)))
    return Group(tree, *_notes(shown))


def _add_revision(tree: Tree, revision: Revision, now: float) -> None:
    line = Text()
    line.append(f"{revision.role:<10}", _ROLES[revision.role])
    line.append(f"{revision.models or 'unknown models'}  ")
    line.append(f"{revision.revision}  ", "dim")
    line.append_text(weight_bar(revision.weight))
    if revision.asked is not None and revision.asked != revision.weight:
        line.append(f" of {revision.asked} % asked for", "yellow")
    branch = tree.add(line)
    for pod in revision.pods:
        branch.add(_pod(pod, now))
    if not revision.pods and revision.weight:
        branch.add(Text("no pod", "red"))


def _pod(pod: Pod, now: float) -> Text:
    since = epoch(pod.since)
    text = Text()
    text.append("● " if pod.ready else "○ ", "green" if pod.ready else "yellow")
    text.append(pod.name)
    text.append("  ready" if pod.ready else "  not ready", "green" if pod.ready else "yellow")
    if pod.restarts:
        text.append(f"  {counted(pod.restarts, 'restart')}", "red")
    text.append(f"  {joined((pod.node or '', human(now - since) if since else ''))}", "dim")
    if pod.why:
        text.append(f"  {pod.why}", "yellow")
    return text


def _step(step: Step) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    where = f"{step.number} of {step.of}" if step.number else f"none of {step.of} yet"
    name = Text.assemble(("step      ", "bold"), where)
    if not step.number:
        table.add_row(name, Text(step.waits or "", "yellow"))
        return table
    total = step.hold_seconds or 1.0
    done = step.held_seconds if step.hold_seconds else 1.0
    bar = ProgressBar(total=total, completed=done, width=24)
    held = f"{step.weight} % held {human(step.held_seconds)} of {human(step.hold_seconds)}"
    table.add_row(name, bar, held, _left(step))
    return table


def _left(step: Step) -> Text:
    if step.waits is not None:
        return Text(step.waits, "yellow")
    here = step.hold_seconds - step.held_seconds
    text = f"{human(here)} left"
    if step.left_seconds > here + 1:
        text += f", {human(step.left_seconds)} to the end"
    return Text(text, "dim")


def _signals(signals: Sequence[Signal], trends: Trends) -> Table:
    table = Table.grid(padding=(0, 2))
    for signal in signals:
        kind = kind_of(signal.signal)
        value = kind.of_value(signal.value) if signal.value is not None else "-"
        table.add_row(
            f"  {signal.signal}",
            verdict_text(signal),
            Text(value, justify="right"),
            Text(bound_text(signal), "dim"),
            Text(spark(trends.get(signal.signal, ()), signal.bound), VERDICTS[signal.verdict])
            if signal.verdict in VERDICTS
            else Text(),
            _words(signal),
        )
    return table


def _words(signal: Signal) -> Text:
    """Return the evidence in words; of one that passes only how much it rests on, if that is long.

    What is wrong shall stand out.
    """
    if signal.verdict != "Pass":
        return Text(signal.message)
    if len(signal.message) > _SHORT and signal.samples is not None:
        return Text(counted(signal.samples, "sample"), "dim")
    return Text(signal.message, "dim")


def verdict_text(signal: Signal) -> Text:
    """Return the verdict, and whether it is only a warning."""
    word = "Warning" if signal.verdict == "Fail" and signal.mode == "Warn" else signal.verdict
    style = "yellow" if word == "Warning" else VERDICTS.get(signal.verdict, "default")
    return Text(word, style)


def bound_text(signal: Signal) -> str:
    """Return what is held against which bound: `1.10x of at most 2.00x`."""
    if signal.bound is None:
        return ""
    kind = kind_of(signal.signal)
    bound = kind.of_measure(signal.bound)
    if signal.measure is None or signal.measure == signal.value:
        return f"bound {bound}"
    return f"{kind.of_measure(signal.measure)}, bound {bound}"


def _history(history: Sequence[Event], now: float) -> Table:
    """Return the last transitions, the newest first."""
    table = Table.grid(padding=(0, 2))
    for event in list(reversed(history))[:_EVENTS]:
        at = epoch(event.time)
        ago = f"{human(now - at)} ago" if at is not None else ""
        table.add_row(Text(f"  {ago}", "dim"), event.reason, Text(event.message, "dim"))
    return table


def _notes(shown: Shown) -> list[Text]:
    notes = [Text(shown.message)] if shown.step is None else []  # the step says it all
    for condition in shown.conditions:
        text = f"{condition.type} {condition.status}, {condition.reason}: {condition.message}"
        notes.append(Text(text, "yellow"))
    return notes
