"""How commands end: the exit codes that pipelines read, and the one exception that has a hint.

The codes are a contract (docs/reference/cli.md). Neighbour: `main` turns them into the end
of the process.
"""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of all commands."""

    DONE = 0  # promoted, carried out, nothing found
    REFUSED = 1  # rolled back, refused, something found
    TIMED_OUT = 2
    FAILED = 3  # no cluster, no such object, no right, no such file; a fault of ours
    USAGE = 64  # the command line is wrong
    INTERRUPTED = 130
    UNREAD = 141  # whoever read the output has closed it: as SIGPIPE ends other programs


class CommandFailed(Exception):
    """Why a command can't do its work, and what to do about it."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code
