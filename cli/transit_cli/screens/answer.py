"""`transit why`: the answer in the order people ask: what, the number, how sure, what then."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..rollout.explaining.why import Why

_STYLES = {
    "turned-back": "bold red",
    "promoted": "bold green",
    "waits": "bold yellow",
    "goes-on": "bold cyan",
    "settled": "bold green",
    "failed": "bold red",
}


def answer(found: Why) -> RenderableType:
    """Return the answer without its plot."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for title, text in rows(found):
        table.add_row(Text(title, "dim"), Text(text))
    return Group(Text(found.headline, _STYLES[found.kind]), table)


def rows(found: Why) -> Iterator[tuple[str, str]]:
    """Yield what is said under the headline, each with what it is."""
    explained = found.explained
    if explained is not None:
        parts = (
            # without a bound it is no number, but what was said
            ("the number" if explained.against else "in words", explained.number),
            ("against", explained.against),
            ("how sure", explained.sure),
            ("would have passed", explained.passes),
        )
        yield from ((title, text) for title, text in parts if text)
    yield from _several("stood out", found.stood_out)
    yield from _several("", tuple(fact for fact in found.facts if fact))
    yield "from", found.sources


def _several(title: str, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(texts):
        yield (title if not number else ""), text
