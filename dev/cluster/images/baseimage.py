"""Root file systems made from Debian's packages, for where no image registry is reached.

`PYTHON` is a twin of `python:3.11-slim`: only what a Dockerfile that starts from the public image
relies on: `python`, `python3`, `pip` on PATH, certificates, and a pip that may install into the
system. OpenMP's runtime is there as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from .. import paths, shell, versions
from ..ui import StepFailed

PYTHON = "python3,python3-pip,python3-venv,libgomp1,ca-certificates"
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
# not needed to run anything, and a third of the size
SURPLUS = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "var/cache/apt",
    "var/lib/apt/lists",
)


def make(archive: Path, packages: str, dress: Callable[[Path], None]) -> None:
    """Write a root file system as a tar file. `dress` adds what no package has."""
    log = paths.logs() / "base-image.log"
    log.unlink(missing_ok=True)
    tree = paths.cache() / "buildah" / "tmp" / "debian"
    shutil.rmtree(tree, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={packages}"]
    try:
        shell.run([*command, versions.PYTHON_SUITE, tree, *_mirror()], log)
        dress(tree)
        _strip(tree)
        shell.run(["tar", "--create", "--file", archive, "--directory", tree, "."], log)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def as_python(tree: Path) -> None:
    """Names and permissions as in Python's public image."""
    binaries = tree / "usr" / "local" / "bin"
    for name, target in {"python": "python3", "python3": "python3.11", "pip": "pip3"}.items():
        (binaries / name).symlink_to(f"/usr/bin/{target}")
    # Debian forbids pip outside virtual environments; an image is one
    for marker in (tree / "usr" / "lib" / "python3.11").glob("EXTERNALLY-MANAGED"):
        marker.unlink()


def _strip(tree: Path) -> None:
    for surplus in SURPLUS:
        for entry in (tree / surplus).glob("*"):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _mirror() -> list[str]:
    """The mirror of this machine's apt, if it has the release; else debootstrap's own default."""
    query = ["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Created-By: Packages"]
    try:
        rows = shell.output(query).splitlines()
    except (StepFailed, OSError):
        return []
    return next(
        ([row.split()[1]] for row in rows if row.split()[:1] == [versions.PYTHON_SUITE]), []
    )
