"""The peers' programs, each in a virtual environment outside the tree, exactly as pinned; and wrk.

Neighbours: `requirements/NAME.txt` pins a peer; `contestants` runs what is installed here. It
writes only into the cache folder (`TRANSIT_CACHE`); wrk comes from Debian.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from dev.cluster import paths
from dev.cluster.programs import packages
from dev.cluster.ui import StepFailed

REQUIREMENTS = Path(__file__).parent / "requirements"
_TAIL = 400


class CannotInstall(Exception):
    """A peer's environment or the load generator can't be had; the message says why."""


def python_of(name: str, progress: Callable[[str], None]) -> Path:
    """The interpreter of the environment `name`, made if it is missing, pinned differently, or of
    another Python than this process. Raises `CannotInstall`.
    """
    pins = REQUIREMENTS / f"{name}.txt"
    home = paths.cache() / "bench-server" / name
    python, stamp = home / "bin" / "python", home / "pins"
    wanted = f"{sha256(pins.read_bytes()).hexdigest()} {sys.base_prefix} {sys.version}"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    progress(f"{name}: installing into {home}")
    shutil.rmtree(home, ignore_errors=True)
    uv = Path(sys.executable).parent / "uv"
    _run(uv, "venv", "--quiet", "--python", sys.executable, home)
    _run(uv, "pip", "install", "--quiet", "--python", python, "--requirements", pins)
    stamp.write_text(wanted)
    return python


def version_of(name: str, package: str) -> str:
    """The version of `package` that `requirements/NAME.txt` pins."""
    for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines():
        if line.startswith(f"{package}=="):
            return line.removeprefix(f"{package}==").split()[0]
    raise LookupError(f"requirements/{name}.txt does not pin {package}")


def wrk() -> str:
    """The load generator, installed from Debian if it is missing. Raises `CannotInstall`."""
    try:
        packages.ensure_programs({"wrk": "wrk"})
    except StepFailed as failure:
        raise CannotInstall("; ".join(filter(None, (str(failure), failure.hint)))) from failure
    return "wrk"


def _run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise CannotInstall(f"{command[1]}: {done.stderr.strip()[-_TAIL:]}")
