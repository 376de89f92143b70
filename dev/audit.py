"""Known vulnerabilities of what is pinned: `python -m dev.audit [FILE…]`, a part of `make check`.

pip-audit asks OSV, which has PyPA's advisories and GitHub's, for every file in requirements/. What
it finds fails the check. Where OSV isn't reached nothing was looked at; that is said, with an exit
code of its own, and the check goes on: a machine without the internet is no vulnerability.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import requests

from .cluster.paths import REPOSITORY

NOT_REACHED = 75  # as in sysexits.h: a failure that passes
_QUESTION = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "0"}
_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit, and return what pip-audit does; NOT_REACHED where it could not have asked."""
    parser = argparse.ArgumentParser(prog="python -m dev.audit")
    pinned = sorted((REPOSITORY / "requirements").glob("*.txt"))
    parser.add_argument("files", nargs="*", type=Path, default=pinned, metavar="FILE")
    parser.add_argument("--osv-url", default="https://api.osv.dev/v1/query", help="a mirror's")
    options = parser.parse_args(arguments)
    if why := unreachable(options.osv_url):
        print(f"not looked at: {options.osv_url} doesn't answer ({why})")
        return NOT_REACHED
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service=osv"]
    command += [
        f"--osv-url={options.osv_url}",
        *(f"--requirement={file}" for file in options.files),
    ]
    command += ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--desc=on"]
    return subprocess.run(command, check=False).returncode


def unreachable(url: str) -> str:
    """Return why OSV doesn't answer; empty where it does.

    It is asked by a thread: the search for a name has no limit of time of its own.
    """
    said = [f"nothing within {_SECONDS:g} s"]
    thread = threading.Thread(target=_ask, args=(url, said), daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return said[-1]


def _ask(url: str, said: list[str]) -> None:
    try:
        answer = requests.post(url, json=_QUESTION, timeout=_SECONDS)
        answer.raise_for_status()
        answer.json()
        said.append("")
    except (requests.RequestException, ValueError) as error:
        said.append(type(error).__name__)


if __name__ == "__main__":
    sys.exit(main())
