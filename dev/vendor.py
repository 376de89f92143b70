"""What the live page brings of other people: taken from the npm registry, checked, and kept.

`python -m dev.vendor` takes the pinned versions anew, by npm; `--check` needs no network and holds
the files against their hashes. The table is vendored.json beside the files: a version, the
registry's hash of its archive, and the hash of each file. Neighbour: `make vendored`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "cli/transit_cli/dashboard/static/vendor"
TABLE = FOLDER / "vendored.json"


def main(arguments: list[str]) -> int:
    """Take or check the files; 1 where one is not what it should be."""
    table: list[dict[str, Any]] = json.loads(TABLE.read_text())
    if arguments != ["--check"]:
        for package in table:
            _take(package)
        TABLE.write_text(json.dumps(table, indent=2) + "\n")
    wrong = list(_wrong(table))
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0


def _take(package: dict[str, Any]) -> None:
    """Write the files of one package, if its archive has the hash that the table says."""
    name = f"{package['name']}@{package['version']}"
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", name],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        archive = Path(folder) / packed.stdout.strip()
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != package["integrity"]:
            raise SystemExit(f"{name} is not what vendored.json says: its hash is {found}")
        with tarfile.open(archive) as content:
            for file in package["files"]:
                member = content.extractfile(f"package/{file['from']}")
                assert member is not None, file
                (FOLDER / file["to"]).write_bytes(member.read())
                file["sha256"] = _hash(FOLDER / file["to"])


def _wrong(table: list[dict[str, Any]]) -> Iterator[str]:
    known = {TABLE.name}
    for package in table:
        for file in package["files"]:
            known.add(file["to"])
            place = FOLDER / file["to"]
            if not place.is_file() or _hash(place) != file["sha256"]:
                origin = f"{package['name']} {package['version']}"
                yield f"{place} is not that of {origin}: make vendored"
    for place in sorted(FOLDER.iterdir()):
        if place.name not in known:
            yield f"{place} is not in {TABLE.name}"


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
