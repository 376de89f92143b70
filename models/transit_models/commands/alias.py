"""`transit-models alias`.

Neighbour: `versions.ALIASES` are those that there are.
"""

import argparse

from transit_models.commands.common import Add, tell
from transit_models.storage import open_storage
from transit_models.versions import ALIASES


def add(command: Add) -> None:
    """Add them."""
    alias = command("alias", _alias, "Point an alias at a version. Running pods do not change.")
    alias.add_argument("store")
    alias.add_argument("name")
    alias.add_argument("alias", choices=ALIASES)
    alias.add_argument("version")


def _alias(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    storage.set_alias(options.name, options.alias, options.version)
    tell(f"{options.name}: {options.alias} is {options.version}")
    return 0
