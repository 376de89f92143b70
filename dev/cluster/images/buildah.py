"""Builds images from Dockerfiles with buildah, where there is no Docker engine.

The base image is the public one if a registry can be reached, else a twin of it made from Debian's
packages (see `baseimage.py`). `export` gives an image as a folder of uncompressed layers, in which
only changed layers are written again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from .. import paths, shell, versions
from ..programs import packages
from ..ui import StepFailed, step
from . import baseimage, sbom
from .oci import Layout, read_layout

ISOLATION = {"BUILDAH_ISOLATION": "chroot"}  # needs no privileges that a sandbox may lack
# environment variables that name a bundle of trusted certificates, in the order they are looked at
TRUST = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def build(dockerfiles: Mapping[str, Path]) -> None:
    """Build each image with the repository as context; unchanged layers are reused."""
    packages.ensure_programs(packages.IMAGE_PROGRAMS)
    _ensure_base()
    for name, dockerfile in dockerfiles.items():
        told = _folder("inputs") / _file_name(name)
        digest = inputs(dockerfile)
        if told.exists() and told.read_text() == digest and exists(name):
            sbom.write(name, copied)
            continue
        log = paths.logs() / f"image-{name.rpartition('/')[2].partition(':')[0]}.log"
        log.unlink(missing_ok=True)
        with step(
            f"Image {name}", f"look at {dockerfile.name}, then the same command again"
        ) as note:
            mounts = [part for mount in _mounts() for part in ("--volume", mount)]
            shell.run(
                [
                    *buildah("build"),
                    *("--layers", "--pull=never", "--network=host", "--format=oci"),
                    *mounts,
                    *("--tag", name, "--file", dockerfile, paths.REPOSITORY),
                ],
                log,
                env={**ISOLATION, "TMPDIR": str(_folder("tmp"))},
                on_line=lambda line: note(line[:60]) if "STEP" in line else None,
            )
        told.write_text(digest)
        sbom.write(name, copied)


def copied(name: str, inside: str, target: Path) -> None:
    """Copy one file out of an image."""
    container = shell.output([*buildah("from"), "--pull=never", name]).strip()
    try:
        tree = Path(shell.output([*buildah("mount"), container]).strip())
        shutil.copy(tree / inside, target)
    finally:
        shell.output([*buildah("rm"), container])


def from_packages(name: str, included: str, dress: Callable[[Path], None]) -> None:
    """Build an image of Debian packages, and of what `dress` adds; one that is there stays."""
    packages.ensure_programs(packages.IMAGE_PROGRAMS)
    if not exists(name):
        with step(f"Image {name} from Debian packages"):
            _commit(name, included, dress, "sh")


def export(name: str) -> Layout:
    """The image as an OCI layout; layers that are there from an earlier export are not copied."""
    folder = _folder("exports") / _file_name(name)
    identity = (
        "sha256:" + shell.output([*buildah("images"), "--quiet", "--no-trunc", name]).strip()[-64:]
    )
    if (folder / "index.json").exists():
        known = read_layout(folder)
        if known.blobs()[1] == identity:
            return known
        (folder / "index.json").unlink()
    for interrupted in _folder("tmp").glob("[0-9]*"):  # what a push that was stopped left there
        interrupted.unlink()
    store = f"[overlay@{_folder('storage')}+{_folder('run')}]"
    # skopeo, since buildah would compress every layer again, changed or not
    shell.run(
        [
            *("skopeo", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers"),
            *(f"containers-storage:{store}{name}", f"oci:{folder}:latest"),
        ],
        paths.logs() / "export.log",
        env={"TMPDIR": str(_folder("tmp"))},
    )
    layout = read_layout(folder)
    wanted = {layout.blob(digest).name for digest in layout.blobs()}
    for blob in (folder / "blobs" / "sha256").iterdir():
        if blob.name not in wanted:
            blob.unlink()
    return layout


def exists(name: str) -> bool:
    """Whether buildah has an image of that name."""
    return shell.succeeds([*buildah("inspect"), "--type=image", name])


def buildah(verb: str, *arguments: str) -> list[object]:
    """A buildah command on storage of our own, so that nobody else's images are touched."""
    storage = ["--root", _folder("storage"), "--runroot", _folder("run")]
    return ["buildah", *storage, "--storage-driver", "overlay", verb, *arguments]


def inputs(dockerfile: Path) -> str:
    """Return a digest of the Dockerfile and all it copies: while it is the same, so is the image.

    Even a build that finds every layer unchanged takes half a minute, since COPY --from reads all
    that it would copy.
    """
    digest = hashlib.sha256(dockerfile.read_bytes())
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", dockerfile.read_text(), re.M)
    for source in " ".join(copied).split():
        for root in sorted(paths.REPOSITORY.glob(source)):
            for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(f"{file.relative_to(paths.REPOSITORY)}\0".encode())
                    digest.update(file.read_bytes())
    return digest.hexdigest()


def _file_name(image: str) -> str:
    return image.replace("/", "_").replace(":", "_")


def _ensure_base() -> None:
    """The base image: what is there, else the public one, else its twin."""
    if exists(versions.BASE_IMAGE):
        return
    with step(f"Base image {versions.BASE_IMAGE}") as note:
        note("asking its registry")
        if _pulled(versions.BASE_IMAGE):
            return
        note("no registry; building its twin from Debian packages")
        _commit(versions.BASE_IMAGE, baseimage.PYTHON, baseimage.as_python, "python3")


def _commit(name: str, included: str, dress: Callable[[Path], None], command: str) -> None:
    archive = _folder("tmp") / "base.tar"
    baseimage.make(archive, included, dress)
    try:
        container = shell.output([*buildah("from"), "scratch"]).strip()
        log = paths.logs() / "base-image.log"
        shell.run([*buildah("add", "--quiet", container), archive, "/"], log, env=ISOLATION)
        settings = [f"--env={key}={value}" for key, value in baseimage.ENVIRONMENT.items()]
        shell.run([*buildah("config", *settings, "--cmd", command), container], log)
        shell.run([*buildah("commit", "--rm", "--quiet", container), name], log)
    finally:
        archive.unlink(missing_ok=True)


def _pulled(name: str) -> bool:
    try:
        done = subprocess.run(
            [str(part) for part in (*buildah("pull", "--quiet"), name)],
            capture_output=True,
            timeout=90,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _mounts() -> list[str]:
    """This machine's pip settings and trusted certificates, lent to a build, not kept in it."""
    mounts = [f"{_folder('pip-cache')}:/root/.cache/pip:rw"]
    settings = {
        key.partition(".")[2]: value
        for key, value in _pip_settings().items()
        if key.partition(".")[2] in ("index-url", "extra-index-url", "trusted-host", "timeout")
    }
    bundles = [os.environ.get(name, "") for name in TRUST]
    if bundle := next((file for file in bundles if Path(file).is_file()), None):
        mounts.append(f"{bundle}:{bundle}:ro")
        settings["cert"] = bundle
    if settings:
        file = _folder("tmp") / "pip.conf"
        lines = [f"{key} = {value}" for key, value in settings.items()]
        file.write_text("\n".join(["[global]", *lines]) + "\n")
        mounts.append(f"{file}:/etc/pip.conf:ro")
    return mounts


def _pip_settings() -> dict[str, str]:
    """`pip config list` as a dictionary; empty where there is no pip."""
    try:
        rows = shell.output(
            [packages.python_with_pip(), "-m", "pip", "config", "list"]
        ).splitlines()
    except StepFailed:
        return {}
    pairs = (row.partition("=") for row in rows)
    return {key: value.strip("'") for key, _, value in pairs}


def _folder(name: str) -> Path:
    folder = paths.cache() / "buildah" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
