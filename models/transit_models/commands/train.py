"""`transit-models train`.

Neighbour: `examples.training` does it.
"""

import argparse
import time
from pathlib import Path

from transit_models.commands.common import Add, tell


def add(command: Add) -> None:
    """Add them."""
    train = command("train", _train, "Train the example models into a local store.")
    train.add_argument("store", type=Path, help="a directory, made if missing")
    train.add_argument("only", nargs="*", help="NAME or NAME@VERSION; default: all examples")
    train.add_argument("--force", action="store_true", help="also what is trained already")


def _train(options: argparse.Namespace) -> int:
    from transit_models.examples.training import train_examples

    start = time.monotonic()
    trained = train_examples(options.store, options.only, force=options.force, progress=tell)
    tell(f"{len(trained)} trained in {time.monotonic() - start:.0f} s: {options.store}")
    return 0
