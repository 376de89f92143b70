"""`kubectl transit <TAB>`: kubectl runs `kubectl_complete-transit` with the words so far.

It wants what cobra prints: a line for each candidate, then a directive. The candidates are those of
`transit` itself. Neighbour: `transit --install-completion` is for the program by its own name.
"""

import os
import sys
from shlex import join

from .main import run

_NO_FILES = ":4"


def main() -> None:
    """Print the completions of the words in the arguments; the last one is being typed."""
    os.environ["_TRANSIT_COMPLETE"] = "complete_fish"
    os.environ["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    typed = sys.argv[1:]
    words = join(["transit", *typed[:-1]]) + f" {typed[-1] if typed else ''}"
    os.environ["_TYPER_COMPLETE_ARGS"] = words
    sys.argv = ["transit"]
    try:
        run()
    finally:
        print(_NO_FILES)
