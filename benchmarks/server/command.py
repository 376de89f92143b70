"""A benchmark as a command: however it ends, so does what it has started."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from benchmarks.server.environments import CannotInstall


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with what `main` returns, or with 2 if what it needs can't be had."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.exit(main())
    except CannotInstall as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    """As for Ctrl-C: an exception, so that servers are stopped on its way."""
    sys.exit(128 + number)
