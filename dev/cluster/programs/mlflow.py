"""MLflow with its server, from PyPI, in an environment of its own; for tests of the model store.

It needs other versions than the project's tools do, and six hundred megabytes, so no image and no
`.venv` has it. Neighbour: `tests/mlflow_server.py` runs it.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from .. import paths, shell
from ..ui import step

NAME = "mlflow"

_PINS = paths.REPOSITORY / "requirements" / "mlflow.txt"


def python() -> Path:
    """The interpreter that can import it; other pins or another Python have another one."""
    key = hashlib.sha256(_PINS.read_bytes() + str(sys.version_info[:2]).encode()).hexdigest()[:12]
    return paths.cache() / "mlflow" / key / "bin" / "python"


def build() -> None:
    """Install it into the cache, where it is missing."""
    if _done().exists():
        return
    folder, log = python().parents[1], paths.logs() / "mlflow.log"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped
    with step("MLflow from PyPI, once"):
        shell.run([sys.executable, "-m", "venv", folder], log)
        install = (python(), "-m", "pip", "install", "-q", "--disable-pip-version-check")
        shell.run([*install, "--require-hashes", "-r", _PINS], log)
    _done().touch()


def is_there() -> bool:
    """Whether it was built whole."""
    return _done().exists()


def _done() -> Path:
    return python().parents[1] / "complete"
