"""A MinIO of a test's own that speaks TLS only, and a Secret as the kubelet mounts it."""

import os
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.cluster import paths, versions
from tests.certificates import Authority
from tests.support import eventually

ACCOUNT = {"MINIO_ROOT_USER": "transit", "MINIO_ROOT_PASSWORD": "transit-secret"}


class Locked:
    """One in a folder: where it is, and what a Secret must say for it to be used."""

    def __init__(self, folder: Path) -> None:
        self._binary = paths.binary("minio", versions.MINIO)
        if not self._binary.is_file():
            pytest.fail(f"{self._binary} is missing: make test builds it, so does make cluster-up")
        self._folder = folder
        authority = Authority(folder / "pki")
        certificate, key = authority.issue("minio", "IP:127.0.0.1")
        (folder / "certs").mkdir()
        certificate.rename(folder / "certs" / "public.crt")
        key.rename(folder / "certs" / "private.key")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"https://{self._address}"
        self.entries: Mapping[str, str] = {
            "AWS_ACCESS_KEY_ID": ACCOUNT["MINIO_ROOT_USER"],
            "AWS_SECRET_ACCESS_KEY": ACCOUNT["MINIO_ROOT_PASSWORD"],
            "AWS_ENDPOINT_URL": self.url,
            "ca.crt": authority.certificate.read_text(),
        }
        context = ssl.create_default_context(cafile=str(authority.certificate))
        self._direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        certs = ("--certs-dir", str(self._folder / "certs"))
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *(self._binary, "server", *certs, self._folder / "data"),
                    *("--address", self._address),
                ],
                env={**os.environ, **ACCOUNT, "MINIO_BROWSER": "off", "HOME": str(self._folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually("MinIO is ready", self._answers, 90)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(20)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            with self._direct.open(f"{self.url}/minio/health/ready", timeout=2):
                return True
        except OSError:
            return False


@contextmanager
def locked(folder: Path) -> Iterator[Locked]:
    """Run one until the block ends."""
    found = Locked(folder)
    found.start()
    try:
        yield found
    finally:
        found.kill()


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
