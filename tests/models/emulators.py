"""Servers that speak as other clouds' storages do, on loopback: Azurite, fake-gcs-server, a plain
HTTP server; and a registry, which is one.

Neighbours: `test_kinds` and `test_registry` ask them; `dev.cluster` builds all but the HTTP server.
"""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import paths, versions
from dev.cluster.programs import azurite
from tests.support import eventually
from transit_models.storage.oci.accounts import Account

ACCOUNT = "devstoreaccount1"  # Azurite's, as documented
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
REGISTRY_ACCOUNT = Account("somebody", "right-and-secret")
_VERSION = "2021-08-06"


@contextmanager
def azure(folder: Path, container: str) -> Iterator[str]:
    """The endpoint of an Azurite with an empty `container`."""
    program = azurite.program()
    if not program.is_file():
        pytest.fail(f"{program} is missing: python3 -m dev.cluster build azurite")
    port = _free_port()
    options = ("--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence")
    with _running(["node", str(program), *options, "--disableTelemetry"], port, folder):
        _make_container(port, container)
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"


@contextmanager
def google(folder: Path, data: Path) -> Iterator[str]:
    """The address of a fake-gcs-server with a bucket for each folder in `data`."""
    program = paths.binary("fake-gcs-server", versions.FAKE_GCS)
    if not program.is_file():
        pytest.fail(f"{program} is missing: python3 -m dev.cluster build fake-gcs-server")
    port = _free_port()
    options = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory")
    public = ("-public-host", f"127.0.0.1:{port}", "-data", str(data))
    with _running([str(program), *options, *public], port, folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def registry(folder: Path, **settings: Any) -> Iterator[str]:
    """The host and port of an empty registry; `settings` are of its configuration file."""
    program = paths.binary("registry", versions.DISTRIBUTION)
    if not program.is_file():
        pytest.fail(f"{program} is missing: python3 -m dev.cluster build registry")
    port = _free_port()
    file = folder / "registry.json"  # which is YAML, too
    http = {"addr": f"127.0.0.1:{port}"} | settings.pop("http", {})
    storage = {"filesystem": {"rootdirectory": str(folder / "blobs")}}
    said = {"version": 0.1, "log": {"level": "warn"}, "storage": storage, "http": http}
    file.write_text(json.dumps(said | settings))
    with _running([str(program), "serve", str(file)], port, folder):
        yield f"127.0.0.1:{port}"


def passwords(folder: Path) -> Path:
    """A file for a registry with the account `REGISTRY_ACCOUNT`, hashed by bcrypt."""
    file = folder / "htpasswd"
    file.write_text("somebody:$2b$04$abcdefghijklmnopqrstuuecFUIe3mv1cu9PQDlcl4zUW6XFjjXxC\n")
    return file


@contextmanager
def web(
    root: Path, authorization: str = "", heard: list[str | None] | None = None
) -> Iterator[str]:
    """The address of an HTTP server with the files of `root`, for those who say `authorization`.

    What they say is put into `heard`.
    """

    class Files(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if heard is not None:
                heard.append(self.headers.get("Authorization"))
            if authorization and self.headers.get("Authorization") != authorization:
                self.send_error(401)
            else:
                super().do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _running(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(f"{command[0]} listens", listens, 90)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _make_container(port: int, name: str) -> None:
    """What its owner does once; the store never makes one."""
    path, date = f"/{ACCOUNT}/{name}", formatdate(usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:{_VERSION}"
    text = "\n".join(["PUT", *[""] * 11, headers, f"/{ACCOUNT}{path}", "restype:container"])
    signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(
        "PUT",
        f"{path}?restype=container",
        headers={
            "x-ms-date": date,
            "x-ms-version": _VERSION,
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}",
        },
    )
    assert connection.getresponse().status == 201
    connection.close()
