"""Who somebody is: by the token in `Authorization`, or by that of the session in their cookie.

A token is shown to the API server (`cluster.reviewing`) and believed for a minute. One that was
pasted is kept in memory alone, under a random name that only the cookie has: nothing of it is on a
disk here or in the browser, and the end of this process signs everybody out.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import new as hmac
from secrets import token_bytes, token_urlsafe

from ...cluster.connection import Cluster
from ...cluster.reviewing import may_list, whose
from ..guard import cookie
from ..visitor import Visitor

COOKIE = "__Host-transit"  # so named, a browser takes it for this host alone, and only by TLS
SESSION_SECONDS = 8 * 3600.0
BELIEVED_SECONDS = 60.0  # a token is reviewed again after that
_SESSIONS = 10  # of one person; the oldest ends
_PEOPLE = 1000  # whose reviews are remembered
_AT_ONCE = 4  # reviews
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
_SCHEME = "bearer "


class SignIn(StrEnum):
    """Whether people sign in: never, in order to give commands, or in order to see anything."""

    OFF = "Off"
    OPTIONAL = "Optional"
    REQUIRED = "Required"


@dataclass(frozen=True)
class Person:
    """Whose a token is. `cluster` is the API server as they see it; `reads`: they may look."""

    name: str
    cluster: Cluster
    reads: bool


@dataclass(frozen=True)
class _Session:
    token: str
    name: str
    until: float


@dataclass(frozen=True)
class _Review:
    answer: asyncio.Future[Person | None]
    until: float


class Visitors:
    """Everybody who looks. Lives in one event loop; reviews are asked for in threads."""

    def __init__(self, cluster: Cluster, sign_in: SignIn, namespaces: Sequence[str]) -> None:
        self.sign_in = sign_in
        self._cluster = cluster
        self._namespaces = namespaces or [""]
        self._key = token_bytes(32)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "reviewing")
        self._reviews: dict[bytes, _Review] = {}
        self._sessions: dict[bytes, _Session] = {}

    async def of(self, headers: Mapping[str, str]) -> tuple[Visitor, Person | None]:
        """Return who asks. Raises: CommandFailed, where a token can't be reviewed."""
        if self.sign_in is SignIn.OFF:
            return self.nobody, None
        given = headers.get("authorization", "")
        if given.lower().startswith(_SCHEME):
            token = given[len(_SCHEME) :].strip()
            if person := await self._person(token):
                return self._visitor(token, person), person
        key = _digest(cookie(headers, COOKIE))
        session = self._sessions.get(key)
        if session is None:
            return self.nobody, None
        person = await self._person(session.token) if session.until > time.monotonic() else None
        if person is None:
            self._sessions.pop(key, None)
            return self.nobody, None
        return self._visitor(session.token, person, leaves=True), person

    async def enter(self, token: str) -> str | None:
        """Return the name of a new session, for the cookie; None where nobody has this token.

        Raises: CommandFailed.
        """
        person = await self._person(token)
        if person is None:
            return None
        mine = [key for key, one in self._sessions.items() if one.name == person.name]
        for key in mine[: max(0, len(mine) - _SESSIONS + 1)]:
            del self._sessions[key]
        name = token_urlsafe(32)
        until = time.monotonic() + SESSION_SECONDS
        self._sessions[_digest(name)] = _Session(token, person.name, until)
        return name

    def leave(self, headers: Mapping[str, str]) -> None:
        """Forget a session, and its token."""
        self._sessions.pop(_digest(cookie(headers, COOKIE)), None)

    @property
    def nobody(self) -> Visitor:
        """Return who has not signed in."""
        return self._visitor("", None)

    def _visitor(self, token: str, person: Person | None, *, leaves: bool = False) -> Visitor:
        return Visitor(
            token=hmac(self._key, token.encode(), sha256).hexdigest(),
            cluster=person.cluster if person else None,
            signing=self.sign_in is not SignIn.OFF,
            name=person.name if person else "",
            leaves=leaves,
        )

    async def _person(self, token: str) -> Person | None:
        """Return whose a token is, asking once for all who come with it meanwhile."""
        if not _TOKEN.fullmatch(token):
            return None
        key, now = _digest(token), time.monotonic()
        known = self._reviews.get(key)
        if known is None or known.until < now:
            answer = asyncio.get_running_loop().run_in_executor(self._threads, self._review, token)
            known = self._reviews[key] = _Review(answer, now + BELIEVED_SECONDS)
            if len(self._reviews) > _PEOPLE:
                del self._reviews[next(iter(self._reviews))]
        person: Person | None = None
        try:
            person = await asyncio.shield(known.answer)
        finally:
            if person is None and self._reviews.get(key) is known:
                del self._reviews[key]  # no, or no answer, is not kept
        return person

    def _review(self, token: str) -> Person | None:
        name = whose(self._cluster, token)
        if name is None:
            return None
        theirs = self._cluster.bearing(token)
        return Person(name, theirs, self._may_look(theirs))

    def _may_look(self, theirs: Cluster) -> bool:
        """Tell whether somebody may see by themselves what the page would show them."""
        if self.sign_in is not SignIn.REQUIRED:
            return True
        return all(may_list(theirs, namespace) for namespace in self._namespaces)


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
