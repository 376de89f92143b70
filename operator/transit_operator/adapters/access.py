"""What a request to Prometheus brings along: who asks, and whom to trust.

Everything secret is in files, which are read for each request: what is rotated counts at once, and
nothing has to watch them. Neighbour: `asking` sends the request, and tells of nothing in `secrets`.
"""

from dataclasses import dataclass
from pathlib import Path

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from ..api.config.prometheus import PrometheusConfig
from ..core.observed import Problem

# Where the chart mounts the Secret `config.prometheus.secretName`. Other paths are absolute.
SECRETS = Path("/etc/transit/prometheus")


class Unreadable(Exception):
    """A file of the configuration can't be read; `problem` says which."""

    def __init__(self, field: str, path: Path, error: Exception) -> None:
        why = getattr(error, "strerror", None) or "not UTF-8"
        text = f"config.prometheus.{field}: {path} can't be read: {why}"
        super().__init__(text)
        self.problem = Problem("PrometheusCredentials", text)


class _Bearer(AuthBase):
    """As `auth`, not as a header: so a netrc file has no say."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True)
class Access:
    """What a session is made with. `secrets` must be seen by nobody."""

    auth: AuthBase | None
    headers: dict[str, str]
    verify: str | bool
    cert: tuple[str, str] | None
    secrets: tuple[str, ...]

    def session(self) -> requests.Session:
        """Return a session that trusts whom it should, and follows nobody elsewhere.

        A redirect would take the headers with it, and what answers there is no Prometheus: most
        often the page of a login.
        """
        session = requests.Session()
        session.verify = self.verify
        session.cert = self.cert
        session.max_redirects = 0
        return session


def access(config: PrometheusConfig, secrets: Path = SECRETS) -> Access:
    """Return what a request brings along now. Raises: Unreadable."""
    headers = dict(config.headers)
    for name, file in config.header_files.items():
        headers[name] = _read(f"headerFiles.{name}", secrets / file)
    hidden = [headers[name] for name in config.header_files]
    auth: AuthBase | None = None
    if (basic := config.basic_auth).password_file:
        user = basic.username or _read("basicAuth.usernameFile", secrets / basic.username_file)
        password = _read("basicAuth.passwordFile", secrets / basic.password_file)
        auth = HTTPBasicAuth(user.encode(), password.encode())
        hidden.append(password)
    if config.bearer_token_file:
        token = _read("bearerTokenFile", secrets / config.bearer_token_file)
        auth = _Bearer(token)
        hidden.append(token)
    tls = config.tls
    cert = None
    if tls.cert_file:
        cert = (
            _there("tls.certFile", secrets / tls.cert_file),
            _there("tls.keyFile", secrets / tls.key_file),
        )
    verify = _there("tls.caFile", secrets / tls.ca_file) if tls.ca_file else True
    return Access(auth, headers, verify, cert, tuple(filter(None, hidden)))


def _read(field: str, path: Path) -> str:
    """Return a file's text without the line end that most tools put there."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(field, path, error) from error


def _there(field: str, path: Path) -> str:
    """Return the path of a file that requests reads itself, if it can be read."""
    _read(field, path)
    return str(path)
