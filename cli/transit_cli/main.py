"""The program `transit`, also `kubectl transit`: the table of commands, and how they end.

Neighbours: `commands` has one file for each; `exits` the codes.
"""

import sys
from collections.abc import Sequence

import typer

from .commands import act, dashboard, get, lint, replay, set_version, status, why
from .exits import CommandFailed, Exit
from .screens.console import problem

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


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    try:
        return int(app(arguments, standalone_mode=False) or Exit.DONE)
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
    except BrokenPipeError:  # whoever read the output has read enough
        sys.stderr.close()
        return Exit.DONE


def main() -> None:
    """Run the command line."""
    sys.exit(run())
