"""A real Prometheus behind its own web configuration (TLS, basic auth, client certificates) and a
prefix; and what it can't do itself (tokens, tenants) in front of it.
"""

import asyncio
import json
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import paths, versions
from tests.certificates import Authority
from tests.support import eventually
from transit_operator.adapters.asking import Client, QueryFailed
from transit_operator.api.config.prometheus import PrometheusConfig
from transit_operator.core.observed import Problem, Sample

# bcrypt, cost 4
FIRST = "$2b$04$JTgWiDFOH9xuooWNGqiRa.YVzcmjoMw1CV.xyaW0TzfUJZG3SRE66"
SECOND = "$2b$04$xhIcaRoFSB9mu3trfd2OzOaEmkU2ooCgb6a3UccyV0ThIKkSlCIoq"
PREFIX = "/tenants/prometheus"


class Locked:
    """The Prometheus, and the files that open it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"https://127.0.0.1:{port}{PREFIX}"
        self.authority = Authority(folder / "pki")
        self.stranger = Authority(folder / "others")
        self.files = {
            name: self.authority.issue(name, "IP:127.0.0.1") for name in ("prometheus", "operator")
        }
        self.password = folder / "password"
        self.password.write_text("first\n")
        self.lock(FIRST)

    def lock(self, hashed: str) -> None:
        """Write the web configuration, which Prometheus reads at each request."""
        certificate, key = self.files["prometheus"]
        tls = {
            "cert_file": str(certificate),
            "key_file": str(key),
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": str(self.authority.certificate),
        }
        web = {"tls_server_config": tls, "basic_auth_users": {"transit": hashed}}
        (self.folder / "web.json").write_text(json.dumps(web))

    def config(self, **changes: Any) -> PrometheusConfig:
        """What opens it, with some changes."""
        certificate, key = self.files["operator"]
        whole = {
            "url": self.url,
            "basicAuth": {"username": "transit", "passwordFile": str(self.password)},
            "tls": {
                "caFile": str(self.authority.certificate),
                "certFile": str(certificate),
                "keyFile": str(key),
            },
        }
        return PrometheusConfig.model_validate(whole | changes)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """A Prometheus that lets in who has a password and a certificate."""
    binary = paths.binary("prometheus", versions.PROMETHEUS)
    if not binary.is_file():
        pytest.fail(f"{binary} is missing: make test builds it, so does make cluster-up")
    folder = tmp_path_factory.mktemp("locked")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = Locked(folder, free.getsockname()[1])
    (folder / "prometheus.json").write_text(json.dumps({"global": {"scrape_interval": "1s"}}))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'prometheus.json'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{found.port}",
                f"--web.config.file={folder / 'web.json'}",
                f"--web.route-prefix={PREFIX}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        return isinstance(ask(found.config()), list)

    try:
        eventually("Prometheus lets the operator in", answers, 60)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def ask(config: PrometheusConfig) -> list[Sample] | Problem:
    """The answer to a query, or why there is none."""

    async def query() -> list[Sample] | Problem:
        client = Client(config)
        try:
            return await client.query("vector(7)")
        except QueryFailed as failed:
            return failed.problem
        finally:
            client.close()

    return asyncio.run(query())


def problem(config: PrometheusConfig) -> Problem:
    """Why there is no answer."""
    found = ask(config)
    assert isinstance(found, Problem), found
    return found


def test_lets_in_who_has_everything(locked: Locked) -> None:
    assert ask(locked.config()) == [({}, 7.0)]


def test_a_name_in_a_file_is_as_good(locked: Locked, tmp_path: Path) -> None:
    (tmp_path / "username").write_text("transit")
    basic = {"usernameFile": str(tmp_path / "username"), "passwordFile": str(locked.password)}
    assert ask(locked.config(basicAuth=basic)) == [({}, 7.0)]


def test_a_wrong_password_is_told_and_never_shown(locked: Locked, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open-sesame")
    basic = {"username": "transit", "passwordFile": str(tmp_path / "password")}
    found = problem(locked.config(basicAuth=basic))
    assert found.reason == "PrometheusUnauthorized"
    assert "401" in found.message
    assert "open-sesame" not in found.message


def test_no_password_is_told(locked: Locked) -> None:
    assert problem(locked.config(basicAuth={})).reason == "PrometheusUnauthorized"


def test_a_password_that_is_rotated_counts_at_once(locked: Locked) -> None:
    """One client through all of it: nothing restarts."""

    async def story() -> list[str]:
        client = Client(locked.config())
        seen = []

        async def look() -> None:
            try:
                await client.query("vector(7)")
                seen.append("ok")
            except QueryFailed as failed:
                seen.append(failed.problem.reason)

        try:
            await look()
            locked.lock(SECOND)
            await look()
            locked.password.write_text("second\n")
            await look()
        finally:
            client.close()
            locked.lock(FIRST)
            locked.password.write_text("first\n")
        return seen

    assert asyncio.run(story()) == ["ok", "PrometheusUnauthorized", "ok"]


def test_a_file_that_is_not_there_is_named(locked: Locked) -> None:
    basic = {"username": "transit", "passwordFile": "/nowhere/password"}
    found = problem(locked.config(basicAuth=basic))
    assert found.reason == "PrometheusCredentials"
    assert "config.prometheus.basicAuth.passwordFile: /nowhere/password" in found.message


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"caFile": ""}, "unable to get", id="nobody is trusted"),
        pytest.param({"certFile": "", "keyFile": ""}, "CERTIFICATE_REQUIRED", id="no certificate"),
    ],
)
def test_what_is_wrong_with_certificates_is_told(
    locked: Locked, changed: dict[str, str], words: str
) -> None:
    tls = locked.config().tls.model_dump(by_alias=True) | changed
    found = problem(locked.config(tls=tls))
    assert found.reason == "PrometheusUnreachable"
    assert words in found.message
    assert "see config.prometheus.tls" in found.message


def test_another_authority_and_another_name_are_told(locked: Locked) -> None:
    tls = locked.config().tls.model_dump(by_alias=True)
    other = tls | {"caFile": str(locked.stranger.certificate)}
    assert "unable to get" in problem(locked.config(tls=other)).message
    elsewhere = locked.config(url=locked.url.replace("127.0.0.1", "localhost"))
    assert "localhost" in problem(elsewhere).message


def test_a_file_that_is_no_certificate_is_told(locked: Locked) -> None:
    tls = locked.config().tls.model_dump(by_alias=True)
    for field in ("caFile", "certFile", "keyFile"):
        found = problem(locked.config(tls=tls | {field: str(locked.password)}))
        assert found.reason == "PrometheusUnreachable", (field, found)


class Front(BaseHTTPRequestHandler):
    """As Mimir and an authenticating proxy do: asks for a token and a tenant, then for the answer.

    Who has none is sent to a login.
    """

    protocol_version = "HTTP/1.1"
    token = "t0ken-of-the-operator"
    behind = ""

    def do_POST(self) -> None:
        if self.path.startswith("/login"):
            return self._answer(200, b"<html>who are you?</html>")
        if self.headers.get("X-Secret", "") == "echo":
            return self._answer(400, f"what is {self.headers['Authorization']}".encode())
        if self.headers.get("Authorization") != f"Bearer {self.token}":
            self.send_response(302)
            self.send_header("Location", "/login?back=secret")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if self.headers.get("X-Scope-OrgID") != "ml":
            return self._answer(401, b"no org id")
        request = urllib.request.Request(self.behind + self.path, method="POST")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=5) as found:
            return self._answer(200, found.read())

    do_GET = do_POST

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """No news."""


@contextmanager
def front(behind: str) -> Iterator[str]:
    handler = type("Handler", (Front,), {"behind": behind})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that anybody may ask, behind one who asks for a token and a tenant."""
    binary = paths.binary("prometheus", versions.PROMETHEUS)
    folder = tmp_path_factory.mktemp("open")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    (folder / "prometheus.json").write_text(json.dumps({}))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'prometheus.json'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={url.removeprefix('http://')}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        open_one = PrometheusConfig(url=url)
        eventually("it answers", lambda: isinstance(ask(open_one), list), 60)
        with front(url) as address:
            yield address
    finally:
        process.terminate()
        process.wait(20)


def test_a_token_and_a_tenant(proxied: str, tmp_path: Path) -> None:
    token, tenant = tmp_path / "token", tmp_path / "tenant"
    token.write_text(Front.token + "\n")
    tenant.write_text("ml")
    whole: dict[str, Any] = {"url": proxied, "bearerTokenFile": str(token)}
    plain = PrometheusConfig.model_validate(whole | {"headers": {"X-Scope-OrgID": "ml"}})
    secret = PrometheusConfig.model_validate(
        whole | {"headerFiles": {"X-Scope-OrgID": str(tenant)}}
    )
    assert ask(plain) == ask(secret) == [({}, 7.0)]
    nobody = problem(PrometheusConfig.model_validate(whole))
    assert (nobody.reason, "no org id" in nobody.message) == ("PrometheusUnauthorized", True)


def test_nobody_is_followed_to_a_login(proxied: str) -> None:
    found = problem(PrometheusConfig.model_validate({"url": proxied}))
    assert found.reason == "PrometheusMalformed"
    assert "sends to another address, /login," in found.message


def test_a_token_that_is_said_back_is_not_told(proxied: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hush-hush")
    config = {"url": proxied, "bearerTokenFile": str(token), "headers": {"X-Secret": "echo"}}
    found = problem(PrometheusConfig.model_validate(config))
    assert (found.reason, "what is Bearer ***" in found.message) == ("PrometheusError", True)
    assert "hush" not in found.message
