"""Azurite, Azure's own emulator of its blob storage, from npm; for the tests of the model store.

Neighbour: `tests/models/emulators.py` runs it.
"""

from __future__ import annotations

from pathlib import Path

from .. import paths, shell, versions
from ..ui import step
from . import packages

NAME = "azurite"

_NODE = {"node": "nodejs", "npm": "npm"}


def program() -> Path:
    """What `node` runs."""
    return _folder() / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


def build() -> None:
    """Install it into the cache, where it is missing."""
    if program().exists():
        return
    packages.ensure_programs(_NODE)
    with step(f"Azurite {versions.AZURITE} from npm"):
        shell.run(
            [
                *("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"),
                *("--prefix", _folder(), f"azurite@{versions.AZURITE}"),
            ],
            paths.logs() / "npm.log",
        )


def _folder() -> Path:
    return paths.cache() / "npm" / f"azurite-{versions.AZURITE}"
