"""The command `transit-server`: settings in, then this process serves."""

import gc
import os
import sys
from pathlib import Path

from transit_server.runtime.termination_log import TerminationLog
from transit_server.settings import Settings, SettingsError, help_text

_TERMINATION_LOG = "TRANSIT_TERMINATION_LOG"


def main() -> None:
    """The entry point; ends the process with its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--help"], ["-h"]):
        print(help_text())
        return
    if arguments:
        sys.exit("transit-server takes no arguments; see transit-server --help")
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        path = Path(os.environ.get(_TERMINATION_LOG, "/dev/termination-log"))
        TerminationLog(path).say(f"transit-server: {error}")
        sys.exit(2)
    gc.disable()  # till `serve`: with it, what follows takes a fifth longer
    from transit_server.runtime.process import finish, serve

    finish(serve(settings))


if __name__ == "__main__":
    main()
