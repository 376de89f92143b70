"""Asks a registry over HTTP: who asks, how often, how long, and what its refusals mean.

Neighbours: `registry` knows its API, `accounts` who asks. A registry either takes a user and
password, or sends to a place that gives a token for what is asked. Such a place, and the one that
has the blobs, may be another host: what was said to the registry is not said to it again.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from transit_models.errors import StorageUnavailable
from transit_models.storage.connections import WAIT, connections, unreachable
from transit_models.storage.objects.secret import Told, told
from transit_models.storage.objects.source import SMALL
from transit_models.storage.oci.accounts import PLACES, account

PLAIN_HTTP = "OCI_PLAIN_HTTP"

_REDIRECTS = 5
_ERRORS = 8 * 1024
_SAID = 300
_WAIT_TO_PUT = urllib3.Timeout(connect=20, read=600)  # it hashes all of it before it answers
_HUB = {"docker.io": "registry-1.docker.io"}
_LOGIN = {"docker.io": "index.docker.io"}
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')

Response = urllib3.BaseHTTPResponse
Body = bytes | IO[bytes] | None


class Interrupted(StorageUnavailable):
    """An answer began and broke off; asking once more may help at once."""


@dataclass
class _Session:
    """Connections, and what the registry wants to hear, for as long as we are told the same."""

    told: Told
    pool: urllib3.PoolManager
    said: dict[str, str] = field(default_factory=dict, repr=False)  # scope → Authorization


class Client:
    """Requests to the registry at `host` about the repositories under `path`.

    Any number of threads may ask. `tell` says at each request who asks.
    """

    def __init__(self, host: str, path: str, tell: Callable[[], Told] = told) -> None:
        self.host = host
        self.path = path
        self.uri = f"oci://{host}/{path}"
        self._tell = tell
        self._lock = threading.Lock()
        self._session: _Session | None = None

    @contextmanager
    def asked(
        self,
        method: str,
        url: str,
        scope: str,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        none: tuple[int, ...] = (404,),
    ) -> Iterator[Response | None]:
        """The answer to a request that counts as `scope`; None for a status in `none`.

        `url` is relative to the registry, or whole. The body isn't read yet. Raises
        `StorageUnavailable`, and `Interrupted` for what breaks off while it is read.
        """
        session = self._now()
        try:
            answer = self._answer(session, method, url, scope, dict(headers or {}), body)
            try:
                if answer.status >= 300 and answer.status not in none:
                    raise self._refusal(answer)
                yield None if answer.status in none else answer
                answer.read(_ERRORS)  # what is left, if little: the connection can be used again
            finally:
                answer.close()
        except (ProtocolError, ReadTimeoutError) as error:
            raise Interrupted(f"{self.uri} broke off: {error}"[:_SAID]) from error
        except HTTPError as error:
            raise unreachable(self.uri, error, PLAIN_HTTP) from error

    def _answer(
        self,
        session: _Session,
        method: str,
        url: str,
        scope: str,
        headers: dict[str, str],
        body: Body,
    ) -> Response:
        start = body.tell() if body is not None and not isinstance(body, bytes) else 0
        known = session.said.get(scope)
        answer = self._followed(session, method, url, headers, known, body)
        if answer.status != 401:
            return answer
        session.said[scope] = said = self._authorization(session, answer, scope)
        if body is not None and not isinstance(body, bytes):
            body.seek(start)
        return self._followed(session, method, url, headers, said, body)

    def _followed(
        self,
        session: _Session,
        method: str,
        url: str,
        headers: dict[str, str],
        authorization: str | None,
        body: Body,
    ) -> Response:
        """The answer of the place that the registry sends to, if it does."""
        base = self._base(session)
        place = urljoin(base, url)
        for _ in range(_REDIRECTS):
            self._must_be_safe(session, place)
            ours = urlsplit(place)[:2] == urlsplit(base)[:2]
            said = {"Authorization": authorization} if authorization and ours else {}
            answer = session.pool.request(
                method,
                place,
                body=body,
                headers=headers | said,
                redirect=False,
                preload_content=False,
                timeout=WAIT if body is None else _WAIT_TO_PUT,
            )
            if body is not None or answer.status not in (301, 302, 303, 307, 308):
                return answer
            place = urljoin(place, answer.headers.get("Location", ""))
            answer.read(_ERRORS)
            answer.close()
        raise StorageUnavailable(f"{self.uri}: {url.partition('?')[0]} leads in a circle")

    def _authorization(self, session: _Session, answer: Response, scope: str) -> str:
        """What the registry wants to hear, by its answer 401."""
        challenge = answer.headers.get("WWW-Authenticate", "")
        who = account(session.told, _LOGIN.get(self.host, self.host), self.path)
        refusal = self._refusal(answer)
        answer.close()
        if "bearer" not in challenge.lower():
            if who is None:
                raise refusal
            return who.header
        asked = dict(_PARAMETER.findall(challenge))
        realm = asked.get("realm", "")
        self._must_be_safe(session, realm)
        query = urlencode({"scope": asked.get("scope", scope), "service": asked.get("service", "")})
        place = f"{realm}{'&' if '?' in realm else '?'}{query}"
        given = session.pool.request(
            "GET",
            place,
            headers={"Authorization": who.header} if who else {},
            redirect=False,
            preload_content=False,
        )
        try:
            if given.status != 200:
                raise self._refusal(given)
            said = json.loads(given.read(SMALL))
            return f"Bearer {said.get('token') or said['access_token']}"
        except (ValueError, KeyError, AttributeError) as error:
            raise StorageUnavailable(
                f"{self.uri}: {urlsplit(realm).hostname} gives no token"
            ) from error
        finally:
            given.close()

    def _now(self) -> _Session:
        now = self._tell()
        with self._lock:
            if self._session is None or self._session.told != now:
                self._session = _Session(now, connections(now, self._scheme(now), self.host))
            return self._session

    def _base(self, session: _Session) -> str:
        return f"{self._scheme(session.told)}://{_HUB.get(self.host, self.host)}"

    @staticmethod
    def _scheme(now: Told) -> str:
        return "http" if (now.get(PLAIN_HTTP) or "").lower() in ("1", "true") else "https"

    def _must_be_safe(self, session: _Session, place: str) -> None:
        """Nothing is said to, or read from, a place without TLS that nobody has allowed."""
        parts = urlsplit(place)
        if parts.scheme not in ("https", self._scheme(session.told)) or not parts.hostname:
            raise StorageUnavailable(
                f"{self.uri} sends to {parts.scheme}://{parts.hostname}, which is not https"
            )

    def _refusal(self, answer: Response) -> StorageUnavailable:
        """What its status and its body say, with advice."""
        try:
            errors = json.loads(answer.read(_ERRORS) or b"{}").get("errors") or [{}]
            said = f"{errors[0].get('code', '')} {errors[0].get('message', '')}".strip()
        except (ValueError, AttributeError, TypeError, LookupError):
            said = ""
        text = f"{answer.status} {said or answer.reason or ''}".strip()[:_SAID]
        if answer.status in (401, 403):
            return StorageUnavailable(
                f"{self.uri} refuses the credentials, or has no such repository ({text}): "
                f"check {PLACES}"
            )
        return StorageUnavailable(f"{self.uri} cannot be used: {text}")
