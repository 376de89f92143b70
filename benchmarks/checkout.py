"""The packages of a commit, laid out to run beside this tree: for benchmarks that compare two.

Both run with the libraries that are installed here.
"""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PACKAGES = ("server", "models")


def tree(commit: str, folder: Path) -> Path:
    """Those packages in `folder`, which is made, without the commit's other files."""
    folder.mkdir()
    archive = folder / "archive.tar"
    git = ["git", "-C", str(ROOT), "archive", "--output", str(archive)]
    subprocess.run([*git, commit, *_PACKAGES], check=True)
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    return folder


def name(commit: str | None) -> str:
    """For people; None is this tree."""
    if commit is None:
        return "the working tree"
    git = ["git", "-C", str(ROOT), "log", "-1", "--format=%h %s", commit]
    return subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()


def python_path(of: Path) -> str:
    """PYTHONPATH for its packages."""
    return os.pathsep.join(str(of / package) for package in _PACKAGES)
