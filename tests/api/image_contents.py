"""What a pod of an image says about itself, as one line of JSON. Run inside: python -c THIS."""

import importlib.metadata
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

SBOM = Path("/opt/transit/sbom.cdx.json")


def raised() -> list[str]:
    """Return files by which one becomes another user or group."""
    found = []
    device = Path("/").stat().st_dev
    for folder, folders, files in os.walk("/"):
        folders[:] = [one for one in folders if os.lstat(f"{folder}/{one}").st_dev == device]
        for name in files:
            mode = os.lstat(f"{folder}/{name}").st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                found.append(f"{folder}/{name}")
    return found


def writable() -> list[str]:
    """Return what could be changed of the image where its root weren't read-only."""
    return [
        folder
        for folder, _, _ in os.walk("/opt")
        if os.stat(folder).st_uid == os.getuid() or os.stat(folder).st_mode & stat.S_IWOTH
    ]


def refused() -> str:
    """Return why a file can't be made at the root."""
    try:
        Path("/opt/transit/made").write_text("")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def packages() -> list[str]:
    """Return what dpkg says is installed, as name and version."""
    form = "${db:Status-Status} ${Package} ${Version}\n"
    done = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={form}"], capture_output=True, text=True, check=True
    )
    rows = [row.split() for row in done.stdout.splitlines()]
    return [f"{name} {version}" for status, name, version in rows if status == "installed"]


def main() -> None:
    said: dict[str, Any] = {
        "user": os.getuid(),
        "raised": raised(),
        "writable": writable(),
        "refused": refused(),
        "installed": [f"{one.name} {one.version}" for one in importlib.metadata.distributions()]
        + packages(),
        "listed": [
            f"{one['name']} {one['version']}" for one in json.loads(SBOM.read_text())["components"]
        ],
    }
    json.dump(said, sys.stdout)


main()
