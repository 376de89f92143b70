"""`transit get`: one line for each ModelDeployment, as `kubectl get` has them, with weight bars."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ..rollout.status.shown import Revision, Shown
from ..rollout.status.times import epoch, human
from .console import phase_text

_BAR = 10


def listing(shown: Sequence[Shown], *, everywhere: bool, wide: bool, now: float) -> Table:
    """Return the table."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    columns = ["NAMESPACE"] if everywhere else []
    columns += ["NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "AGE"]
    columns += ["STABLE-REVISION", "CANDIDATE-REVISION", "MESSAGE"] if wide else []
    for name in columns:
        table.add_column(name, no_wrap=name != "MESSAGE", overflow="fold")
    for one in shown:
        table.add_row(*_row(one, everywhere=everywhere, wide=wide, now=now))
    return table


def _row(one: Shown, *, everywhere: bool, wide: bool, now: float) -> list[str | Text]:
    stable = one.revision("stable") or one.revision("standby")
    candidate = one.revision("candidate")
    created = epoch(one.created)
    step = one.step
    row: list[str | Text] = [one.namespace] if everywhere else []
    row += [
        one.name,
        phase_text(one.phase),
        versions(stable),
        versions(candidate),
        weight_bar(one.weight) if candidate and one.weight is not None else "",
        f"{step.number}/{step.of}" if step else "",
        human(now - created).rstrip() if created else "",
    ]
    if wide:
        revisions = (one_.revision if one_ else "" for one_ in (stable, candidate))
        row += [*revisions, one.message]
    return row


def versions(revision: Revision | None) -> str:
    """Return what a revision serves in a column: `1.1.0`, of several models `3 models`."""
    if revision is None or not revision.models:
        return revision.revision if revision else ""
    models = revision.models.split(", ")
    return models[0].partition(" ")[2] if len(models) == 1 else f"{len(models)} models"


def weight_bar(weight: int) -> Text:
    """Return a weight as a bar of ten, and in percent."""
    full = round(weight / 100 * _BAR)
    text = Text()
    text.append("█" * full, "cyan")
    text.append("░" * (_BAR - full), "dim")
    text.append(f" {weight} %")
    return text
