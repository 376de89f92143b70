"""Looks versions up in a storage that isn't there: `transit-models resolve`, in the puppet's image.

Every version exists; its content is its name, and an alias means 1.0.0. Standard library only.
Neighbours: `puppet.py` serves what is found here; `tests/scenarios/scene.py` names revisions by it.
"""

import argparse
import hashlib
import json
from pathlib import Path

ALIASES = {"latest": "1.0.0", "stable": "1.0.0"}


def digest(name: str, version: str) -> str:
    """Return what stands for the content of a version."""
    return hashlib.sha256(f"{name} {version}".encode()).hexdigest()


def resolved(reference: str) -> dict[str, str]:
    """Return what is found of NAME@VERSION."""
    name, _, asked = reference.partition("@")
    version = ALIASES.get(asked, asked)
    return {"name": name, "version": version, "digest": digest(name, version)}


def main() -> None:
    """Answer as the real command does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["resolve"])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("store")
    parser.add_argument("references", nargs="+")
    options = parser.parse_args()
    options.output.write_text(json.dumps([resolved(one) for one in options.references]))


if __name__ == "__main__":
    main()
