"""Servers that speak as other clouds' storages do, on loopback: Azurite, fake-gcs-server, and a
plain HTTP server.

Neighbours: `test_kinds` asks them; `dev.cluster` builds the first two.
"""

import base64
import hashlib
import hmac
import http.client
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dev.cluster import paths, versions
from dev.cluster.programs import azurite
from tests.support import eventually

ACCOUNT = "devstoreaccount1"  # Azurite's, as documented
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
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
def web(root: Path, authorization: str = "") -> Iterator[str]:
    """The address of an HTTP server with the files of `root`, for those who say `authorization`."""

    class Files(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
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
