"""Files in the tree that are made of other files: write what differs, or only show it.

Neighbours: `chart` and `reference` say which files there are and what is in them.
"""

import argparse
import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def run(
    module: str, target: str, files: Mapping[Path, str], arguments: Sequence[str] | None = None
) -> int:
    """Write what differs, or with --check only show it; 1 if something did.

    Args:
        module: what `python -m` ran, for the usage.
        target: the target of the Makefile that writes the files.
        files: path in the repository → text.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--check", action="store_true", help="write nothing, show what differs")
    check = parser.parse_args(arguments).check
    stale = 0
    for path, text in files.items():
        file = REPOSITORY / path
        before = file.read_text() if file.exists() else ""
        if before == text:
            continue
        stale = 1
        if check:
            lines = difflib.unified_diff(
                before.splitlines(), text.splitlines(), str(path), "generated", lineterm="", n=1
            )
            sys.stdout.write("\n".join(lines) + "\n")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    if check and stale:
        sys.stdout.write(f"generated files differ from their sources: run make {target}\n")
    return stale if check else 0
