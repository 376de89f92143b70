"""A real API server of a test's own: etcd and kube-apiserver on free ports, RBAC on, nothing else.

For what its answers decide: whose a token is, and what its owner may do. No controller runs, so
what one would make of an object isn't made. Neighbour: `stage`, which is Prometheus here.
"""

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.cluster import paths, shell, versions
from tests.certificates import Authority
from tests.support import Object, eventually

ADMIN = "of-the-administrator"
ISSUER = "https://kubernetes.default.svc"


class ApiServer:
    """Asked as its administrator. `url` and `authority` are how others reach it."""

    def __init__(self, url: str, authority: Path) -> None:
        self.url = url
        self.authority = authority
        self._client = httpx.Client(
            base_url=url,
            verify=ssl.create_default_context(cafile=authority),
            headers={"Authorization": f"Bearer {ADMIN}"},
            timeout=30,
        )

    def serves(self, path: str) -> bool:
        """Tell whether it answers there: `/readyz`, or a kind that has just been made."""
        try:
            return self._client.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Any:
        """Read an object or a list."""
        return self._done(self._client.get(path))

    def create(self, path: str, body: Object) -> Any:
        """Make an object."""
        return self._done(self._client.post(path, json=body))

    def replace(self, path: str, body: Object) -> Any:
        """Write an object whole."""
        return self._done(self._client.put(path, json=body))

    def namespace(self, name: str) -> None:
        """Make a namespace."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def account(self, namespace: str, name: str) -> None:
        """Make a ServiceAccount."""
        body = {"metadata": {"name": name}}
        self.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", body)

    def token(self, namespace: str, name: str) -> str:
        """Return a token of a ServiceAccount."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return str(self.create(path, {"spec": {"expirationSeconds": 3600}})["status"]["token"])

    def kubeconfig(self, token: str, folder: Path) -> Path:
        """Write a kubeconfig for whoever has a token."""
        file = folder / "kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": {"token": token}}],
        }
        file.write_text(json.dumps(config))
        return file

    def _done(self, answer: httpx.Response) -> Any:
        assert answer.is_success, f"{answer.request.url}: {answer.text}"
        return answer.json()


@contextmanager
def running(folder: Path) -> Iterator[ApiServer]:
    """Start one, with its data in a folder; it ends with the test."""
    store, peers, port = _free(3)
    authority = Authority(folder / "keys")
    certificate, key = authority.issue("apiserver", "IP:127.0.0.1")
    signing = folder / "keys" / "accounts.key"
    shell.output(["openssl", "genrsa", "-out", signing, "2048"])
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{ADMIN},admin,admin,system:masters\n")
    etcd = [
        _program("etcd", versions.ETCD),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{store}",
        f"--advertise-client-urls=http://127.0.0.1:{store}",
        f"--listen-peer-urls=http://127.0.0.1:{peers}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
        f"--initial-cluster=default=http://127.0.0.1:{peers}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    api = [
        _program("kube-apiserver", versions.KUBERNETES),
        f"--etcd-servers=http://127.0.0.1:{store}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={signing}",
        f"--service-account-signing-key-file={signing}",
    ]
    with _process(etcd, folder / "etcd.log"), _process(api, folder / "apiserver.log"):
        found = ApiServer(f"https://127.0.0.1:{port}", authority.certificate)
        eventually("the API server is ready", lambda: found.serves("/readyz"), 120)
        yield found


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[None]:
    with log.open("w") as told:
        process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.kill()  # nothing of it is needed any more
        process.wait(30)


def _program(name: str, version: str) -> str:
    found = paths.binary(name, version)
    if not found.exists():
        pytest.fail(f"there is no {name}: python3 -m dev.cluster build {name}")
    return str(found)


def _free(count: int) -> list[int]:
    """Return ports that nobody listens at."""
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports
