"""A store with an authority of its own, and a Secret that is mounted and rotated: a real MinIO with
TLS, one `S3Storage` through all of it.
"""

import os
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.cluster import paths, versions
from tests.certificates import Authority
from tests.support import eventually
from transit_models import StorageUnavailable
from transit_models.storage_s3 import S3Storage

from .conftest import ACCOUNT, MakeVersion

pytestmark = pytest.mark.timeout(120)

WRONG = "wrong-and-secret"


@dataclass(frozen=True)
class Locked:
    """A MinIO that speaks TLS only."""

    url: str
    certificate: Path


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    binary = paths.binary("minio", versions.MINIO)
    if not binary.is_file():
        pytest.fail(f"{binary} is missing: make test builds it, so does make cluster-up")
    folder = tmp_path_factory.mktemp("locked-minio")
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
    found = Locked(f"https://{address}", authority.certificate)

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        trusting = urllib.request.HTTPSHandler(
            context=ssl.create_default_context(cafile=str(found.certificate))
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)
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


@pytest.fixture
def secret(locked: Locked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory as the kubelet mounts a Secret, with everything in it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(tmp_path / "secret"))
    (tmp_path / "secret").mkdir()
    mount(
        tmp_path / "secret",
        {
            "AWS_ACCESS_KEY_ID": ACCOUNT["MINIO_ROOT_USER"],
            "AWS_SECRET_ACCESS_KEY": ACCOUNT["MINIO_ROOT_PASSWORD"],
            "AWS_ENDPOINT_URL": locked.url,
            "ca.crt": locked.certificate.read_text(),
        },
    )
    return tmp_path / "secret"


def mount(directory: Path, entries: dict[str, str]) -> None:
    """Swap in a Secret's entries all at once, by the link that the kubelet makes."""
    number = len(list(directory.glob("..v*")))
    whole = directory / f"..v{number}"
    whole.mkdir()
    for name, text in entries.items():
        (whole / name).write_text(text)
    new = directory / "..data_tmp"
    new.symlink_to(whole.name)
    new.rename(directory / "..data")
    for link in directory.glob("[!.]*"):
        link.unlink()
    for name in entries:
        (directory / name).symlink_to(f"..data/{name}")


def entries(directory: Path, **changes: str) -> dict[str, str]:
    now = {file.name: file.read_text() for file in directory.glob("[!.]*")}
    return {name: text for name, text in (now | changes).items() if text}


def store(make_version: MakeVersion) -> S3Storage:
    """A store with a version in it."""
    found = S3Storage("models", "some/prefix")
    found.create_bucket()
    found.publish(make_version(), "tiny", "1.0.0")
    return found


def test_an_authority_of_ones_own_is_a_key_of_the_secret(
    secret: Path, make_version: MakeVersion, tmp_path: Path
) -> None:
    fetched = store(make_version).fetch("tiny", "1.0.0", tmp_path / "cache")
    assert (fetched / "model.json").read_bytes() == b"weights"


def test_without_it_the_store_is_not_trusted_and_that_is_told(secret: Path) -> None:
    without = entries(secret)
    del without["ca.crt"]
    mount(secret, without)
    with pytest.raises(StorageUnavailable, match=r"not trusted.*ca\.crt of storage\.secretName"):
        S3Storage("models").names()


def test_a_rotated_secret_counts_at_the_next_call(secret: Path, make_version: MakeVersion) -> None:
    storage = store(make_version)
    right = entries(secret)
    mount(secret, entries(secret, AWS_SECRET_ACCESS_KEY=WRONG))
    with pytest.raises(StorageUnavailable, match="refuses the credentials") as refused:
        storage.names()
    assert WRONG not in str(refused.value)
    mount(secret, right)
    assert storage.names() == ["tiny"]


def test_what_is_mounted_goes_before_the_variables(
    secret: Path, make_version: MakeVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those are of the time when the process began."""
    storage = store(make_version)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "old")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "old-and-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert storage.names() == ["tiny"]
    assert S3Storage("models", "some/prefix").names() == ["tiny"]


def test_a_client_is_made_once_while_nothing_changes(secret: Path) -> None:
    storage = S3Storage("models")
    assert storage._client is storage._client
    first = storage._client
    mount(secret, entries(secret))
    assert storage._client is first, "the same entries in new files are no change"
    mount(secret, entries(secret, AWS_REGION="eu-north-1"))
    assert storage._client is not first
    assert storage._client.meta.region_name == "eu-north-1"
