"""The program `transit`, also `kubectl transit`: the table of commands, and how they end.

Neighbours: `commands` has one file for each; `exits` the codes.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer

from .commands import act, dashboard, get, lint, replay, set_version, status, why
from .exits import CommandFailed, Exit
from .screens.console import problem, stdout

_HELP = """\
Watch the rollout of a model, steer it, and read why it was rolled back.

[bold]A rollout, from beginning to end:[/bold]

  kubectl apply -f kepler.yaml     [dim]# ask for a new version[/dim]

  transit status kepler --watch    [dim]# exit code 0 promoted, 1 rolled back[/dim]

Exit codes: 0 done, 1 rolled back or refused, 2 timed out, 3 failed, 64 wrong command line.
As a plugin the same commands are [bold]kubectl transit …[/bold]
"""

app = typer.Typer(
    name="transit",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (get, status, why, dashboard, lint, replay, act, set_version):
    module.register(app)


def _print_version(asked: bool) -> None:
    if asked:
        stdout().print(f"transit {version('transit-cli')}")
        raise typer.Exit


@app.callback()
def _program(
    asked: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """Take what is asked of the program itself. Its help is that of the table above."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code.

    A fault of this program is no verdict: it ends with 3, and not with Python's 1.
    """
    try:
        code = int(app(arguments, prog_name="transit", standalone_mode=False) or Exit.DONE)
        sys.stdout.flush()
        return code
    except CommandFailed as failure:
        problem(str(failure), failure.hint)
        return failure.code
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "transit"
        if error.format_message():
            problem(error.format_message(), f"{path} --help")
        return Exit.USAGE
    except typer.Abort:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _unread()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich and Typer end so, with 1
            return _unread()
        raise
    except Exception as error:
        traceback.print_exc()
        problem(f"a fault of transit itself, please report it: {error!r}")
        return Exit.FAILED


def _unread() -> int:
    """Whoever read the output has read enough. How it would have ended isn't known: no verdict."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is written at the end
    return Exit.UNREAD


def main() -> None:
    """Run the command line. What an old locale or console has no letter for is told by its number,
    as JSON has it, too.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run())
