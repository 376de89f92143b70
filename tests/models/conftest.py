"""What the tests of the model store share: stores of every kind, small versions, the trained
examples.

Nothing here is faked: local stores are directories, S3 is a MinIO of its own on loopback, the
registry is CNCF's, the examples are the ones that the demo serves. Small versions hold bytes that
are no model: the store never looks into them.
"""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.cluster import paths, versions
from tests.once import Once
from tests.support import eventually
from transit_models import Storage, open_storage
from transit_models.errors import StorageUnavailable
from transit_models.examples.training import train_examples
from transit_models.packing.pack import Description, seal
from transit_models.storage.objects.making import create_bucket

from . import emulators

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT = {"MINIO_ROOT_USER": "transit", "MINIO_ROOT_PASSWORD": "transit-secret"}

MakeVersion = Callable[..., Path]


@pytest.fixture
def make_version(tmp_path: Path) -> MakeVersion:
    """`make_version(name, version, content)` → a sealed version directory outside any store."""

    def make(name: str = "tiny", version: str = "1.0.0", content: bytes = b"weights") -> Path:
        directory = tmp_path / "made" / f"{name}-{version}-{content.hex()[:16]}"
        directory.mkdir(parents=True)
        (directory / "model.json").write_bytes(content)
        (directory / "preprocessing.pkl").write_bytes(b"steps of " + content)
        seal(
            directory,
            Description(name, version, framework="xgboost", features=4, labels=("no", "yes")),
        )
        return directory

    return make


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MinIO that only this session uses."""
    binary = paths.binary("minio", versions.MINIO)
    if not binary.is_file():
        pytest.fail(f"{binary} is missing: make test builds it, so does make cluster-up")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    directory = tmp_path_factory.mktemp("minio")
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [binary, "server", directory / "data", "--address", address],
            env={**os.environ, **ACCOUNT, "MINIO_BROWSER": "off", "HOME": str(directory)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(f"http://{address}", process, directory / "log")
        # It says so a moment before it takes writes, on a busy machine.
        eventually("MinIO makes a bucket", lambda: _makes_buckets(f"http://{address}"), 60)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < give_up:
        try:
            with direct.open(f"{url}/minio/health/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"MinIO did not get ready: {log.read_text()[-2000:]}")


def _makes_buckets(url: str) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        _point_at(url, patch)
        try:
            create_bucket(open_storage("s3://the-first"))
        except StorageUnavailable:
            return False
    return True


def _point_at(url: str, patch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCOUNT["MINIO_ROOT_USER"],
        "AWS_SECRET_ACCESS_KEY": ACCOUNT["MINIO_ROOT_PASSWORD"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }.items():
        patch.setenv(name, value)


@pytest.fixture
def s3_environment(minio: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The standard variables, pointing at `minio`; returns its address."""
    _point_at(minio, monkeypatch)
    return minio


@pytest.fixture
def bucket(s3_environment: str, request: pytest.FixtureRequest) -> str:
    """`s3://…/some/prefix` with nothing in it."""
    name = f"t-{abs(hash(request.node.nodeid)):x}"[:40]
    create_bucket(open_storage(f"s3://{name}"))
    return f"s3://{name}/some/prefix"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host of a registry that only this session uses, without TLS and accounts."""
    with emulators.registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def repositories(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str:
    """`oci://…/some/path` with nothing in it."""
    monkeypatch.setenv("OCI_PLAIN_HTTP", "true")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no docker"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return f"oci://{registry}/t-{abs(hash(request.node.nodeid)):x}/models"


@pytest.fixture(params=["local", "s3", "oci"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty store, of each kind in turn."""
    if request.param == "s3":
        return open_storage(str(request.getfixturevalue("bucket")))
    if request.param == "oci":
        return open_storage(str(request.getfixturevalue("repositories")))
    (tmp_path / "store").mkdir()
    return open_storage((tmp_path / "store").as_uri())


@pytest.fixture(scope="session")
def examples(once: Once) -> Path:
    """The local store of the trained examples, the one that `make models` fills."""
    store = REPOSITORY / "build" / "models"
    once("examples", lambda: fill(store))
    return store


def fill(store: Path) -> None:
    """Train those that are missing."""
    train_examples(store, progress=print)
