"""The audit of what is pinned: what is found fails, and who could not ask says so quickly.

pip-audit is the real one; what answers in OSV's place knows one advisory.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dev.audit import NOT_REACHED
from dev.cluster.paths import REPOSITORY

FILE = REPOSITORY / "requirements" / "format-lightgbm.txt"
ADVISORY = {
    "id": "PYSEC-0000-1",
    "summary": "trees fall",
    "affected": [
        {
            "package": {"name": "lightgbm", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        }
    ],
}


class Osv(BaseHTTPRequestHandler):
    """Answers queries as OSV does."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"vulns": [ADVISORY]} if asked["package"]["name"] == "lightgbm" else {})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def osv() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def audit(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dev.audit", f"--osv-url={url}", str(FILE)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_a_known_vulnerability_fails_and_is_named(osv: str) -> None:
    done = audit(osv)
    assert done.returncode == 1
    assert "PYSEC-0000-1" in done.stdout


def test_who_could_not_ask_says_so_in_one_line() -> None:
    """A port on which connections are taken and nobody answers: the slowest way to be away."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        began = time.monotonic()
        done = audit(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        took = time.monotonic() - began
    assert done.returncode == NOT_REACHED
    (line,) = done.stdout.splitlines()
    assert "not looked at" in line
    assert took < 10, "two seconds, on a busy machine"
