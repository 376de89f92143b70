"""`docs/reference/commands.md`: every command with its options, as the programs' parsers have them.

Typer makes the text of `transit` itself. The parsers of argparse are read here, since their own
text differs between versions of Python.
"""

import argparse
import re
from collections.abc import Iterator

import typer
from typer.cli import get_docs_for_click

from transit_cli.main import app
from transit_models.cli import parser as models_parser
from transit_operator.runtime.main import parser as operator_parser
from transit_server.settings import Settings

from .words import cell, head, row, table

MARKUP = re.compile(r"\[/?(?:bold|dim)\]")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
ABOUT = (
    "What they are for, with examples: [the command line](cli.md), [will my model work?]"
    "(../guides/models.md), [the inference server](server.md),"
    " [operations](../guides/operations.md)."
)


def text() -> str:
    """Return the page."""
    return "\n".join(
        [
            head("Commands", "the programs themselves", ABOUT),
            _transit(),
            *_argparse(models_parser(), 2),
            *_argparse(operator_parser(), 2),
            _server(),
        ]
    )


def _transit() -> str:
    command = typer.main.get_command(app)
    made = get_docs_for_click(obj=command, ctx=typer.Context(command), name="transit")
    # examples are indented by two; for Markdown a code block is four
    lines = [f"  {line}" if line.startswith("  ") else line for line in made.splitlines()]
    return HEADING.sub(r"#\1 ", MARKUP.sub("", "\n".join(lines)).strip()) + "\n"


def _argparse(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    """A section for a parser, and for each of its commands."""
    yield f"{'#' * level} `{parser.prog}`\n\n{(parser.description or '').strip()}\n"
    rows = [_argument(action) for action in parser._actions if _shown(action)]
    if rows:
        yield table("Argument", "Meaning") + "".join(rows)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parsers: dict[str, argparse.ArgumentParser] = action.choices
            for one in parsers.values():
                yield from _argparse(one, level + 1)


def _shown(action: argparse.Action) -> bool:
    return not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)


def _argument(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    value = " ".join(value) if isinstance(value, tuple) else value
    if action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    takes = action.nargs != 0
    name = ", ".join(action.option_strings) + (f" {value}" if takes else "")
    words = action.help or ""
    if "%(default)s" in words:
        words = words.replace("%(default)s", str(action.default))
    return row(f"`{name.strip()}`", cell(words.replace("%%", "%")))


def _server() -> str:
    rows = (
        row(
            f"`TRANSIT_{name.upper()}`",
            "required" if field.is_required() else _default(field.default),
            cell(field.description or ""),
        )
        for name, field in Settings.model_fields.items()
    )
    return (
        "## `transit-server`\n\nIt takes no arguments; its settings are environment variables, and"
        " the operator sets those of `spec`.\n\n"
        + table("Variable", "Default", "Meaning")
        + "".join(rows)
    )


def _default(value: object) -> str:
    return "" if value in ("", None, ()) else f"`{value}`"
