"""A place that gives tokens for a registry, as those of clouds have one.

Neighbours: `test_registry_accounts` starts it beside a real registry, which holds each token
against the certificate.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from transit_models.storage.oci.accounts import Account

SERVICE = "models"


@dataclass
class Tokens:
    """Where it is, and how many it has given."""

    url: str = ""
    given: list[str] = field(default_factory=list)
    valid: float = 60.0  # seconds


@contextmanager
def tokens(certificate: Path, key: Path, account: Account) -> Iterator[Tokens]:
    """One on loopback that knows one account, and gives it whatever it asks for."""
    found = Tokens()

    class Place(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != account.header:
                self.send_error(401)
                return
            scope = parse_qs(urlsplit(self.path).query)["scope"][0]
            found.given.append(scope)
            body = json.dumps({"token": _token(certificate, key, scope, found.valid)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Place)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/token"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings(url: str, authority: Path) -> dict[str, Any]:
    """What the registry's configuration says of it."""
    return {
        "token": {
            "realm": url,
            "service": SERVICE,
            "issuer": "place",
            "rootcertbundle": str(authority),
        }
    }


def _token(certificate: Path, key: Path, scope: str, valid: float) -> str:
    kind, name, actions = scope.split(":")
    now = int(time.time())
    chain = "".join(certificate.read_text().strip().splitlines()[1:-1])
    head = {"typ": "JWT", "alg": "ES256", "x5c": [chain]}
    claims = {
        "iss": "place",
        "sub": "somebody",
        "aud": SERVICE,
        "nbf": now - 600,
        "iat": now,
        "jti": str(time.monotonic_ns()),
        "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
    }
    claims["exp"] = int(now + valid)
    signed = f"{_text(json.dumps(head).encode())}.{_text(json.dumps(claims).encode())}"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_text(r.to_bytes(32) + s.to_bytes(32))}"


def _text(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()
