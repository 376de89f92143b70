"""The way to the API server: a proxy that the environment names is found once, and gone through."""

import asyncio
import json
from pathlib import Path

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import kube_config

from transit_operator.adapters.credentials import load_credentials
from transit_operator.adapters.kubernetes import Kubernetes

API = "http://api.example.com:6443"
PROXY = "http://user:secret@proxy.example.com:3128"


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the kubeconfig that is used, where the environment names no proxy yet."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "kubernetes_service_host"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    file = tmp_path / "config"
    # The client has read KUBECONFIG when it was imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    write(file)
    return file


def write(file: Path, **cluster: str) -> None:
    name = "here"
    content = {
        "clusters": [{"name": name, "cluster": {"server": API, **cluster}}],
        "users": [{"name": name, "user": {"token": "token"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    file.write_text(json.dumps(content))


def found() -> str | None:
    configuration = Configuration()
    asyncio.run(load_credentials(configuration))
    proxy: str | None = configuration.proxy
    return proxy


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"http_proxy": PROXY}, PROXY),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": "api.example.org"}, PROXY),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": ".example.com"}, None),
        ({"HTTPS_PROXY": PROXY}, None),
        ({"http_proxy": "https://proxy.example.com"}, None),
    ],
)
def test_the_environment_names_the_proxy(
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    expected: str | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert found() == expected


def test_the_proxy_of_the_kubeconfig_goes_before(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    write(kubeconfig, **{"proxy-url": "http://other.example.com"})
    assert found() == "http://other.example.com"


def test_requests_go_through_the_proxy(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        body = b'{"kind": "Pod"}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(proxy, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@127.0.0.1:{port}")
        configuration = Configuration()
        await load_credentials(configuration)
        async with server, ApiClient(configuration) as client:
            assert await Kubernetes(client).get("Pod", "ml", "a") == {"kind": "Pod"}

    asyncio.run(run())
    (head,) = heads
    assert head.startswith(f"GET {API}/api/v1/namespaces/ml/pods/a ")
    assert "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=" in head
    assert "\r\nauthorization: bearer token\r\n" in head.lower()
