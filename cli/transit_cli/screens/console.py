"""The two consoles: answers on stdout, problems on stderr. Colours only where a person looks.

rich leaves them out where the output is no terminal, or NO_COLOR is set. Words carry every meaning
that a colour has.
"""

import json
from collections.abc import Iterable
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

WIDTH_OF_A_PIPE = 1000  # columns: nothing is folded where a program reads

STYLES = {
    "Pending": "yellow",
    "Stable": "green",
    "Progressing": "cyan",
    "Baking": "cyan",
    "Paused": "yellow",
    "RollingBack": "red",
    "RolledBack": "red",
    "Failed": "bold red",
}
VERDICTS = {"Pass": "green", "Fail": "bold red", "NoData": "yellow"}


def stdout() -> Console:
    """Return the console for answers. Into a pipe or file nothing is folded."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        return Console(highlight=False, width=WIDTH_OF_A_PIPE)
    return console


def stderr() -> Console:
    """Return the console for problems and progress."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def problem(message: str, hint: str = "") -> None:
    """Say what went wrong, and the command to run next."""
    console = stderr()
    console.print(Text.assemble(("error: ", "bold red"), message))
    if hint:
        console.print(Text.assemble(("try:   ", "dim"), hint))


def phase_text(phase: str) -> Text:
    """Return a phase in its colour."""
    return Text(phase, STYLES.get(phase, "default"))


def print_data(data: Any, form: str) -> None:
    """Print plain data as JSON or YAML, as scripts read it: no colour, nothing folded."""
    if form == "json":
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000), end="")


def joined(parts: Iterable[str], by: str = ", ") -> str:
    """Return the parts that say anything, in one line."""
    return by.join(part for part in parts if part)
