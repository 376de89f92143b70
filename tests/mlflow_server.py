"""A real MLflow server of a test's own, as a process: TLS, accounts, its own keeping of artifacts.

`program` is run in its environment, beside which nothing of the project is importable, and prints
JSON. Neighbour: `dev.cluster.programs.mlflow` installs it.
"""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.cluster.programs import mlflow
from tests.certificates import Authority
from tests.support import eventually

USER, PASSWORD = "admin", "right-and-secret"


class MlflowServer:
    """One in a folder: where it is, and what a Secret must say for it to be used."""

    def __init__(self, folder: Path) -> None:
        if not mlflow.is_there():
            mlflow.build()
        self._folder = folder
        authority = Authority(folder / "pki")
        self._certificate, self._key = authority.issue("mlflow", "IP:127.0.0.1")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        self.uri = f"mlflow://{self.host}"
        self.entries: Mapping[str, str] = {
            "MLFLOW_TRACKING_USERNAME": USER,
            "MLFLOW_TRACKING_PASSWORD": PASSWORD,
            "ca.crt": authority.certificate.read_text(),
        }
        self.artifacts = folder / "artifacts"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "NO_PROXY": "127.0.0.1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "GIT_PYTHON_REFRESH": "quiet",
        }
        self._context = ssl.create_default_context(cafile=str(authority.certificate))
        self._authority = authority.certificate

    def start(self) -> None:
        """Start it; `wait` until it answers."""
        settings = self._folder / "auth.ini"
        settings.write_text(
            f"[mlflow]\ndefault_permission = READ\nadmin_username = {USER}\n"
            f"admin_password = {PASSWORD}\ndatabase_uri = sqlite:///{self._folder}/auth.db\n"
            "auth_cache_ttl_seconds = 600\n"  # hashing the password takes longer than all else
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        host, port = self.host.split(":")
        tls = f"--ssl-keyfile {self._key} --ssl-certfile {self._certificate}"
        command: list[str | Path] = [
            *(mlflow.python(), "-m", "mlflow", "server", "--app-name", "basic-auth"),
            *("--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db"),
            *("--artifacts-destination", self.artifacts, "--host", host, "--port", port),
            *("--workers", "1", "--uvicorn-opts", tls),
        ]
        secrets = {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": "x"}
        with (self._folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment | secrets,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # it has children
            )

    def wait(self) -> None:
        """Until it answers."""
        eventually("MLflow answers", self._answers, 300)

    def stop(self) -> None:
        """End it with its children."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(30)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def begin(self, program: Path) -> subprocess.Popen[str]:
        """Run `program` with MLflow's own client, which knows this server."""
        said = {
            "MLFLOW_TRACKING_URI": f"https://{self.host}",
            "MLFLOW_TRACKING_USERNAME": USER,
            "MLFLOW_TRACKING_PASSWORD": PASSWORD,
            "MLFLOW_TRACKING_SERVER_CERT_PATH": str(self._authority),
        }
        with (self._folder / f"{program.stem}.log").open("w") as log:
            return subprocess.Popen(
                [mlflow.python(), program, self._folder / "ready"],
                env=self._environment | said,
                cwd=self._folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ended(self, program: subprocess.Popen[str], name: str) -> dict[str, Any]:
        """What it printed last. The server is waited for first, and it is told."""
        self.wait()
        (self._folder / "ready").touch()
        said, _ = program.communicate(timeout=120)
        log = (self._folder / f"{name}.log").read_text()[-3000:]
        assert program.returncode == 0, log
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found

    def api(self, method: str, path: str, **body: object) -> dict[str, Any]:
        """Ask its API to change something."""
        request = urllib.request.Request(
            f"https://{self.host}/api/2.0/mlflow/{path}",
            method=method,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **_basic()},
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context)
        )
        with opener.open(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()[-3000:]
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context)
        )
        try:
            with opener.open(f"https://{self.host}/health", timeout=5):
                return True
        except OSError:
            return False


def _basic() -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}


@contextmanager
def running(folder: Path) -> Iterator[MlflowServer]:
    """Start one, and end it with the block. It may not answer yet."""
    server = MlflowServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
