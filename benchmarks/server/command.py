"""A benchmark as a command: however it ends, so does what it has started; and how it is given
lists, with a comma between two.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from benchmarks.server.servers.environments import CannotInstall


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with what `main` returns, or with 2 if what it needs can't be had."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.exit(main())
    except CannotInstall as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """What reads an argument that names some of `known`."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(known)}")
        return names

    return read


def numbers(text: str) -> list[int]:
    """Read an argument of whole numbers."""
    return [int(part) for part in text.split(",")]


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    """As for Ctrl-C: an exception, so that servers are stopped on its way."""
    sys.exit(128 + number)
