"""A MinIO of a test's own that speaks TLS only, and a Secret as the kubelet mounts it."""

import os
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from dev.cluster import paths, versions
from tests.certificates import Authority
from tests.support import eventually

ACCOUNT = {"MINIO_ROOT_USER": "transit", "MINIO_ROOT_PASSWORD": "transit-secret"}


class Locked(NamedTuple):
    """Where it is, and what a Secret must say for it to be used."""

    url: str
    entries: Mapping[str, str]


@contextmanager
def locked(folder: Path) -> Iterator[Locked]:
    """Run one until the block ends."""
    binary = paths.binary("minio", versions.MINIO)
    if not binary.is_file():
        pytest.fail(f"{binary} is missing: make test builds it, so does make cluster-up")
    authority = Authority(folder / "pki")
    certificate, key = authority.issue("minio", "IP:127.0.0.1")
    (folder / "certs").mkdir()
    certificate.rename(folder / "certs" / "public.crt")
    key.rename(folder / "certs" / "private.key")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    certs = ("--certs-dir", str(folder / "certs"))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [binary, "server", *certs, folder / "data", "--address", address],
            env={**os.environ, **ACCOUNT, "MINIO_BROWSER": "off", "HOME": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    found = Locked(
        f"https://{address}",
        {
            "AWS_ACCESS_KEY_ID": ACCOUNT["MINIO_ROOT_USER"],
            "AWS_SECRET_ACCESS_KEY": ACCOUNT["MINIO_ROOT_PASSWORD"],
            "AWS_ENDPOINT_URL": f"https://{address}",
            "ca.crt": authority.certificate.read_text(),
        },
    )

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        context = ssl.create_default_context(cafile=str(authority.certificate))
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with direct.open(f"{found.url}/minio/health/ready", timeout=2):
                return True
        except OSError:
            return False

    try:
        eventually("MinIO is ready", answers, 90)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def mount(directory: Path, entries: Mapping[str, str]) -> None:
    """Swap in a Secret's entries all at once, by the link that the kubelet makes."""
    directory.mkdir(exist_ok=True)
    whole = directory / f"..v{len(list(directory.glob('..v*')))}"
    whole.mkdir()
    for name, text in entries.items():
        (whole / name).write_text(text)
    new = directory / "..data_tmp"
    new.symlink_to(whole.name)
    new.rename(directory / "..data")
    for link in directory.glob("[!.]*"):
        if link.name not in entries:
            link.unlink()
    for name in entries:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
