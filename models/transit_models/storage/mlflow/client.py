"""Asks an MLflow server over HTTP: who asks, how long, and what its refusals mean.

Only the server that the address names is asked, and told who asks: it never sends anybody
elsewhere, so a redirect is refused and not followed. Neighbours: `registry` and `artifacts` know
its API.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from transit_models.errors import StorageUnavailable
from transit_models.storage.connections import WAIT, connections, unreachable
from transit_models.storage.mlflow.naming import Address
from transit_models.storage.objects.secret import Told, told
from transit_models.storage.objects.source import SMALL

PLAIN_HTTP = "MLFLOW_PLAIN_HTTP"

_USER, _PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
_TOKEN = "MLFLOW_TRACKING_TOKEN"
_PLACES = f"{_USER} and {_PASSWORD}, or {_TOKEN} (in a ModelDeployment: storage.secretName)"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_CHUNK = 1024 * 1024
_ERRORS = 8 * 1024
_SAID = 300

Response = urllib3.BaseHTTPResponse


class Client:
    """Requests to the server at `address`. Any number of threads may ask; `tell` says at each
    request who does.
    """

    def __init__(self, address: Address, tell: Callable[[], Told] = told) -> None:
        self.address = address
        self.uri = address.uri
        self._tell = tell
        self._lock = threading.Lock()
        self._session: tuple[Told, urllib3.PoolManager] | None = None

    def json(self, path: str, query: Mapping[str, str | int]) -> dict[str, Any] | None:
        """What the server says under `/api/2.0/PATH`; None if it knows no such thing.

        Raises `StorageUnavailable`, also for an answer that isn't MLflow's.
        """
        with self._asked(f"{path}?{urlencode(query)}") as answer:
            if answer is None:
                return None
            body = answer.read(SMALL + 1)
            kind = answer.headers.get("Content-Type", "nothing")
        try:
            said = json.loads(body) if len(body) <= SMALL else None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise StorageUnavailable(
                f"{self.uri} answers with something else than MLflow does ({kind[:60]}): is it the "
                "address of a tracking server, as in MLFLOW_TRACKING_URI?"
            )
        return said

    def chunks(self, path: str, start: int) -> Iterator[memoryview] | None:
        """What the file under `/api/2.0/PATH` holds from `start` on, in order; None if there is
        none. Raises `StorageUnavailable`, also on the way.
        """
        stream = self._stream(quote(path), start)
        return stream if next(stream) is not None else None

    def _stream(self, path: str, start: int) -> Iterator[Any]:
        """First whether there is a file, by something or None, then what it holds."""
        with self._asked(path, {"Range": f"bytes={start}-"} if start else {}) as answer:
            if answer is None:
                yield None
                return
            yield answer.status
            left = start if answer.status != 206 else 0  # a server without ranges sends all of it
            for chunk in answer.stream(_CHUNK, decode_content=False):
                view = memoryview(chunk)
                skipped = min(left, len(view))
                left -= skipped
                if len(view) > skipped:
                    yield view[skipped:]

    @contextmanager
    def _asked(
        self, path: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[Response | None]:
        """The answer to a GET, whose body isn't read yet; None if there is no such thing."""
        now, pool = self._now()
        who = {"Authorization": said} if (said := _authorization(now)) else {}
        url = f"{_scheme(now)}://{self.address.host}{self.address.prefix}/api/2.0/{path}"
        try:
            answer = pool.request(
                "GET",
                url,
                headers={"Accept-Encoding": "identity", **(headers or {}), **who},
                redirect=False,
                preload_content=False,
                timeout=WAIT,
            )
            try:
                if answer.status < 300:
                    yield answer
                else:
                    self._must_be_absence(answer)
                    yield None
                answer.read(_ERRORS)  # what is left, if little: the connection can be used again
            finally:
                answer.close()
        except (ProtocolError, ReadTimeoutError) as error:
            raise StorageUnavailable(f"{self.uri} broke off: {error}"[:_SAID]) from error
        except HTTPError as error:
            raise unreachable(self.uri, error, PLAIN_HTTP) from error

    def _now(self) -> tuple[Told, urllib3.PoolManager]:
        """Connections for as long as we are told the same."""
        now = self._tell()
        with self._lock:
            if self._session is None or self._session[0] != now:
                self._session = now, connections(now, _scheme(now), self.address.host)
            return self._session

    def _must_be_absence(self, answer: Response) -> None:
        """Raises `StorageUnavailable` for every refusal but that there is no such thing."""
        status = answer.status
        if 300 <= status < 400:
            place = urlsplit(answer.headers.get("Location", ""))
            raise StorageUnavailable(
                f"{self.uri} sends to {f'{place.scheme}://{place.netloc}'[:100]}, which is not "
                "asked: write the address of the server itself"
            )
        code, said = _said(answer)
        text = f"{status} {said or answer.reason or ''}".strip()[:_SAID]
        if status == 404 and code == _ABSENT:
            return
        if status in (401, 403):
            raise StorageUnavailable(
                f"{self.uri} refuses the credentials ({text}): check {_PLACES}"
            )
        if status == 404 and not code:
            raise StorageUnavailable(
                f"{self.uri} has no API of MLflow there ({text}): write the address as "
                "MLFLOW_TRACKING_URI has it, with the prefix of its paths"
            )
        raise StorageUnavailable(f"{self.uri} cannot be used: {text}")


def _scheme(now: Told) -> str:
    return "http" if (now.get(PLAIN_HTTP) or "").lower() in ("1", "true") else "https"


def _authorization(now: Told) -> str | None:
    """Who asks, by MLflow's own variables. All of a mounted account or nothing: what is in the
    variables belongs to another one.
    """
    for place in (now.mounted, now.environment):
        user, password = place.get(_USER), place.get(_PASSWORD)
        if user and password:
            return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        if token := place.get(_TOKEN):
            return f"Bearer {token}"
    return None


def _said(answer: Response) -> tuple[str, str]:
    """The code and the message of a refusal; of a page of HTML nothing."""
    body = answer.read(_ERRORS)
    try:
        said = json.loads(body)
        return str(said.get("error_code") or ""), str(said.get("message") or "")
    except (ValueError, AttributeError, RecursionError):
        plain = answer.headers.get("Content-Type", "").startswith("text/plain")
        lines = body.decode("utf-8", "replace").strip().splitlines() if plain else []
        return "", "".join(c for c in lines[0] if c.isprintable()) if lines else ""
