"""The command line: `python -m dev.reference [--check]`."""

import sys
from pathlib import Path

from dev.generated import run

from . import api, commands, decisions, fields, metrics, rollbacks

PAGES = Path("docs/reference")


def generated() -> dict[Path, str]:
    """Return every generated page, by its path in the repository."""
    return {
        PAGES / "fields.md": fields.text(),
        PAGES / "commands.md": commands.text(),
        PAGES / "metrics.md": metrics.text(),
        PAGES / "server-api.md": api.text(),
        Path("docs/decisions/index.md"): decisions.text(),
        Path("docs/pictures/rollbacks.svg"): rollbacks.picture(),
    }


if __name__ == "__main__":
    sys.exit(run("dev.reference", "reference", generated()))
