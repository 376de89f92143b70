"""Asks the server's code, in a process of its own, what it makes of a model: for `pack` and `try`.

The store itself loads no model; where the server or a library isn't installed, nothing is found out
and that is said. Neighbours: `transit_server.desk` answers.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "ORT_DISABLE_TELEMETRY": "1"}


class NotAsked(Exception):
    """Nobody could say anything of the model; the message says why."""


def ask(module: str, *arguments: str | Path) -> dict[str, Any]:
    """What `transit_server.desk.MODULE` prints. Raises `NotAsked`."""
    if find_spec("transit_server") is None:
        raise NotAsked("the server is not installed: pip install 'transit[server]'")
    command = [sys.executable, "-m", f"transit_server.desk.{module}", *map(str, arguments)]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, capture_output=True, text=True, check=False, env={**os.environ, **_QUIET}
    )
    lines = done.stdout.strip().splitlines()
    try:
        said = json.loads(lines[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotAsked(
            f"opening it ended the process, with code {done.returncode}: {last}"
        ) from None
    if not isinstance(said, dict):
        raise NotAsked("it said nothing that is understood")
    return said
