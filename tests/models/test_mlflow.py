"""Models in MLflow's registry: a real server with TLS and accounts, and models that its own client
has registered. What a real one never does is done by one that means harm.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.minio import mount
from tests.mlflow_server import MlflowServer, running
from tests.server.running import RunningServer
from transit_models import Storage, fetch_verified, open_storage
from transit_models.cli import main
from transit_models.errors import (
    ContentChanged,
    IntegrityError,
    InvalidReference,
    ModelNotFound,
    ModelStoreError,
    StorageUnavailable,
)
from transit_models.packing.pack import Description, seal
from transit_models.storage.objects.making import create_bucket

pytestmark = pytest.mark.timeout(400)
REGISTER = Path(__file__).parent / "registered" / "register.py"


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MlflowServer, Any]]:
    """The server, and what MLflow itself says of the models that are there."""
    with running(tmp_path_factory.mktemp("mlflow")) as server:
        client = server.begin(REGISTER)  # which imports its libraries meanwhile
        yield server, server.ended(client, REGISTER.stem)


@pytest.fixture
def server(
    registered: tuple[MlflowServer, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MlflowServer:
    """The same, with a Secret that is mounted."""
    secret = tmp_path / "secret"
    mount(secret, registered[0].entries)
    monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(secret))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return registered[0]


@pytest.fixture
def store(server: MlflowServer) -> Storage:
    return open_storage(server.uri)


def folder_of(server: MlflowServer, name: str, version: str) -> Path:
    """Where the server keeps the files of a version."""
    found = server.api("GET", f"model-versions/get-download-uri?name={name}&version={version}")
    address: str = found["artifact_uri"]
    return server.artifacts / address.removeprefix("mlflow-artifacts:/")


def test_versions_and_aliases(store: Storage, server: MlflowServer) -> None:
    assert store.names() == ["churn", "price"]
    assert store.versions("churn")[:2] == ["1.0.0", "2.0.0"]
    assert store.aliases("churn") == {"champion": "1.0.0"}
    for asked in ("1", "1.0.0", "v1.0.0", "champion"):
        assert store.resolve("churn", asked) == "1.0.0"
    assert store.resolve("churn", "latest") == store.versions("churn")[-1]
    moved = {"name": "churn", "alias": "champion"}
    server.api("POST", "registered-models/alias", **moved, version="2")
    assert store.resolve("churn", "champion") == "2.0.0"
    server.api("POST", "registered-models/alias", **moved, version="1")


@pytest.mark.parametrize(
    ("name", "version", "told"),
    [
        ("chrun", "latest", "Did you mean 'churn'?"),
        ("churn", "70.0.0", "has no version 70.0.0. It has: 1.0.0"),
        ("churn", "1.1.0", "has no version 1.1.0. It has: 1.0.0"),
        ("churn", "best", "has no alias 'best'. It has: champion, latest. Set it in MLflow"),
        ("churn", "a b", "neither a version, such as 3.0.0"),
    ],
)
def test_what_is_not_there(store: Storage, name: str, version: str, told: str) -> None:
    with pytest.raises(ModelStoreError) as raised:
        store.resolve(name, version)
    assert told in str(raised.value)


def test_a_version_is_brought_verified_and_used_again(store: Storage, tmp_path: Path) -> None:
    digest = store.digest("churn", "1.0.0")
    found = fetch_verified(store, "churn", "1.0.0", tmp_path / "cache", digest)
    assert found.digest == digest
    assert found.model_file.name == "MLmodel"
    again = fetch_verified(open_storage("mlflow://127.0.0.1:1"), "churn", "1.0.0",
                           tmp_path / "cache", digest)  # fmt: skip
    assert again.directory == found.directory
    with pytest.raises(ContentChanged):
        fetch_verified(store, "churn", "2.0.0", tmp_path / "cache", digest)
    assert [path.name for path in (tmp_path / "cache" / "churn").glob("*") if path.is_dir()] == [
        "v1.0.0"
    ]


def test_content_that_changed_under_its_number_is_refused(
    store: Storage, server: MlflowServer, tmp_path: Path
) -> None:
    digest = store.digest("price", "1.0.0")
    file = folder_of(server, "price", "1") / "requirements.txt"
    before = file.read_bytes()
    file.write_bytes(before + b"# another\n")
    with pytest.raises(ContentChanged, match="A published version never changes"):
        fetch_verified(store, "price", "1.0.0", tmp_path, digest)
    file.write_bytes(before)
    assert fetch_verified(store, "price", "1.0.0", tmp_path, digest).digest == digest


def test_a_version_that_was_deleted(store: Storage, server: MlflowServer, tmp_path: Path) -> None:
    address = server.api("GET", "model-versions/get-download-uri?name=churn&version=2")
    server.api("POST", "registered-models/create", name="gone")
    source = {"name": "gone", "source": "s3://none/x"}
    server.api("POST", "model-versions/create", **source)
    server.api("POST", "model-versions/create", **source)
    assert address["artifact_uri"].startswith("mlflow-artifacts:/")
    server.api("DELETE", "model-versions/delete", name="gone", version="2")
    with pytest.raises(ModelNotFound, match=r"has no version 2\.0\.0\. It has: 1\.0\.0"):
        store.resolve("gone", "2.0.0")
    with pytest.raises(ModelNotFound, match=r"has no version 2\.0\.0"):
        store.fetch("gone", "2.0.0", tmp_path)
    server.api("DELETE", "registered-models/delete", name="gone")


def test_nothing_is_written(store: Storage, tmp_path: Path) -> None:
    writes: list[Callable[[], object]] = [
        lambda: store.publish(tmp_path, "m", "1.0.0"),
        lambda: store.discard("m", "1.0.0"),
        lambda: store.set_alias("churn", "stable", "1.0.0"),
        lambda: store.set_signatures("churn", "1.0.0", b""),
        store.mark_scratch,
    ]
    for write in writes:
        with pytest.raises(InvalidReference, match="is only read"):
            write()
    assert not store.scratch


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"MLFLOW_TRACKING_PASSWORD": "wrong"}, "refuses the credentials (401"),
        ({"ca.crt": ""}, "is not trusted"),
        ({"MLFLOW_PLAIN_HTTP": "true"}, "broke off|cannot be"),
    ],
)
def test_who_is_refused_is_told_what_to_check(
    server: MlflowServer, tmp_path: Path, change: dict[str, str], told: str
) -> None:
    mount(tmp_path / "secret", {**server.entries, **change})
    with pytest.raises(StorageUnavailable) as raised:
        open_storage(server.uri).resolve("churn", "1.0.0")
    text = str(raised.value)
    assert any(part in text for part in told.split("|"))
    assert "storage.secretName" in text or "MLFLOW_PLAIN_HTTP" in change
    assert "right-and-secret" not in text


def test_artifacts_in_a_bucket(
    store: Storage,
    server: MlflowServer,
    s3_environment: str,
    tmp_path: Path,
) -> None:
    """As without --serve-artifacts: the registry names the bucket, whose account is its own."""
    bucket = open_storage("s3://mlflow-artifacts-of-tests/x")
    create_bucket(bucket)
    files = folder_of(server, "churn", "1")
    put = {path.relative_to(files).as_posix(): path for path in files.rglob("*") if path.is_file()}
    bucket.objects.upload(put)  # type: ignore[attr-defined]
    server.api("POST", "registered-models/create", name="bucketed")
    server.api("POST", "model-versions/create", name="bucketed",
               source="s3://mlflow-artifacts-of-tests/x")  # fmt: skip
    found = fetch_verified(store, "bucketed", "1.0.0", tmp_path / "cache")
    other = fetch_verified(store, "churn", "1.0.0", tmp_path / "cache")
    assert found.model_file.read_bytes() == other.model_file.read_bytes()
    assert store.digest("bucketed", "1.0.0") == found.digest
    server.api("DELETE", "registered-models/delete", name="bucketed")


def test_a_version_that_pack_made_is_taken_as_it_is(
    store: Storage, server: MlflowServer, tmp_path: Path
) -> None:
    folder = folder_of(server, "price", "1")
    kept = folder.with_name("kept")
    folder.rename(kept)
    try:
        folder.mkdir()
        (folder / "model.json").write_bytes(b"weights")
        described = Description(
            "price", "1.0.0", framework="xgboost", features=4, labels=("a", "b")
        )
        seal(folder, described)
        found = fetch_verified(store, "price", "1.0.0", tmp_path)
        assert found.metadata.framework == "xgboost"
        assert store.digest("price", "1.0.0") == found.digest
        (folder / "more").write_bytes(b"")
        with pytest.raises(IntegrityError, match="Somebody added the file"):
            fetch_verified(store, "price", "1.0.0", tmp_path / "anew")
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)


def test_commands(
    server: MlflowServer, registered: tuple[MlflowServer, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", server.uri]) == 0
    assert "churn@1.0.0  <- champion" in capsys.readouterr().out
    assert main(["resolve", server.uri, "churn@champion"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["version"], len(said["digest"])) == ("1.0.0", 64)
    assert main(["try", server.uri, "churn@champion", "--output", "json"]) == 0
    tried = json.loads(capsys.readouterr().out)
    assert tried["task"] == "classification"
    assert tried["outputs"]["labels"] == ["no", "yes"]


def test_a_server_serves_them(
    server: MlflowServer, registered: tuple[MlflowServer, Any], tmp_path: Path
) -> None:
    told = registered[1]
    models = {"churn": "champion", "price": "1.0.0"}
    secret = {"storage_secret": str(tmp_path / "secret"), "NO_PROXY": "127.0.0.1"}
    with RunningServer(
        tmp_path, tmp_path / "work", models, storage_uri=server.uri, **secret
    ) as serving:
        serving.until_ready()
        for row, wanted in zip(told["rows"], told["churn"], strict=True):
            answered = serving.predict(row, model="churn", return_probabilities=True)
            assert answered.status_code == 200, answered.text
            shares = answered.json()["prediction"]["probabilities"]
            assert [shares["no"], shares["yes"]] == pytest.approx(wanted, abs=1e-6)
        named = {"features": {"age": 1.0, "income": 0.5, "debt": 2.0}, "model": "churn"}
        answered = serving.client.post("/api/v1/predict", json=named)
        assert answered.json()["prediction"]["class"] == "yes", answered.text
        assert serving.predict(told["rows"][0], model="price").status_code == 200


@contextmanager
def answering(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, Any]]:
    """The host of a server that gives these answers by path, and what it was told by whom."""
    heard: list[tuple[str, str | None]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/api/2.0/")
            heard.append((path, self.headers.get("Authorization")))
            known = (one for start, one in answers.items() if path.startswith(start))
            status, headers, body = next(known, (404, {}, b"no such page"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said(**body: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


HTML = {"Content-Type": "text/html"}
GET, PLACE = "mlflow/model-versions/get?", "mlflow/model-versions/get-download-uri"
LISTED = "mlflow-artifacts/artifacts?"


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TLS, with a password."""
    for name, value in {
        "MLFLOW_PLAIN_HTTP": "true",
        "MLFLOW_TRACKING_TOKEN": "secret-token",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, HTML, b"<html>Welcome</html>"), "something else than MLflow does (text/html)"),
        ((200, HTML, b"[]"), "something else than MLflow does"),
        ((404, HTML, b"<html>nothing</html>"), "has no API of MLflow there (404"),
        ((403, HTML, b"<b>no</b>"), "refuses the credentials (403 Forbidden)"),
        ((403, {"Content-Type": "text/plain"}, b"Invalid Host header"), "403 Invalid Host header"),
        ((418, HTML, b"<html>tea</html>"), "cannot be used: 418"),
        (said(model_version=[]), "what is not understood"),
        (said(model_version={"version": "1", "status": "PENDING_REGISTRATION"}), "PENDING"),
    ],
)
def test_answers_of_something_else(answer: tuple[int, dict[str, str], bytes], told: str) -> None:
    with answering({GET: answer}) as (host, _), pytest.raises(ModelStoreError) as raised:
        open_storage(f"mlflow://{host}").resolve("m", "1.0.0")
    assert told in str(raised.value)
    assert "<" not in str(raised.value)


@pytest.mark.usefixtures("plain")
def test_an_absent_server_is_told_soon() -> None:
    start = time.monotonic()
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        open_storage("mlflow://127.0.0.1:1").resolve("m", "1.0.0")
    assert time.monotonic() - start < 20


@pytest.mark.usefixtures("plain")
def test_credentials_go_nowhere_else(tmp_path: Path) -> None:
    """Neither by a redirect, nor by what the registry says of where files are."""
    with answering({}) as (other, heard_there):
        answers = {GET: (302, {"Location": f"http://{other}/"}, b"")}
        with answering(answers) as (host, heard):
            with pytest.raises(StorageUnavailable, match="which is not asked: write the address"):
                open_storage(f"mlflow://{host}").resolve("m", "1.0.0")
            assert heard[0][1] == "Bearer secret-token"
        for address in (
            f"mlflow-artifacts://{other}/0/x",
            f"http://{other}/api/2.0/mlflow-artifacts/artifacts/x",
            "file:///etc",
            "/etc",
            "mlflow-artifacts:/0/../../x",
            "mlflow-artifacts:/0/%2e%2e/x",
            "dbfs:/x",
        ):
            with (
                answering({PLACE: said(artifact_uri=address)}) as (host, _),
                pytest.raises(InvalidReference, match="which is not asked: only"),
            ):
                open_storage(f"mlflow://{host}").fetch("m", "1.0.0", tmp_path)
        assert heard_there == []


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([{"path": "../../evil", "file_size": 1}], "Refused"),
        ([{"path": "..", "is_dir": True}], "Refused"),
        ([{"path": "/etc/passwd", "file_size": 1}], "Refused"),
        ([{"path": "a\\b", "file_size": 1}], "Refused"),
        ([{"path": "again", "is_dir": True}], "in 1000 folders"),
        ([{"file_size": 1}], "in a way that is not known"),
    ],
)
def test_listings_that_lead_elsewhere(
    tmp_path: Path, files: list[dict[str, object]], told: str
) -> None:
    answers = {PLACE: said(artifact_uri="mlflow-artifacts:/0/m"), LISTED: said(files=files)}
    with answering(answers) as (host, _), pytest.raises(ModelStoreError, match=told):
        open_storage(f"mlflow://{host}").fetch("m", "1.0.0", tmp_path)
