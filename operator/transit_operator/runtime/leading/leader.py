"""Leads, or waits to lead: reads and writes one Lease, by the rules of `lease`.

Neighbours: `operator` waits for `acquire`, works while `keep` goes on, and calls `release` when it
stops; `adapters.fence` asks `may_write` before each write. It writes nothing but the Lease; what
`notifying` has told stands in an annotation of that, which costs no write of its own.
"""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from ...adapters.kubernetes import Conflict, Kubernetes, KubernetesError, NotFound
from ...core.objects.build import Object
from .lease import KIND, Election, Move, annotations

log = logging.getLogger(__name__)

ATTEMPT_SECONDS = 4.0  # so that two fit before the renew deadline


def steady() -> float:
    """Return seconds that never jump and, where there is such a clock, count suspended time too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def new_identity() -> str:
    """Return a name that no other process has or had; it begins with the pod's."""
    return f"{socket.gethostname()}_{uuid.uuid4().hex[:12]}"


class Leader:
    """One candidate for one Lease. `api` must not be the fenced one: renewing makes it valid."""

    def __init__(
        self,
        api: Kubernetes,
        namespace: str,
        name: str,
        clock: Callable[[], float] = steady,
    ) -> None:
        self._api = api
        self._where = (namespace, name)
        self._clock = clock
        self._election = Election(new_identity())
        self._current = False  # whether the Lease in `_election` is the newest, as far as known

    @property
    def identity(self) -> str:
        """The name in the Lease."""
        return self._election.identity

    def may_write(self) -> bool:
        """Tell whether the leadership is valid now, by this machine's clock alone."""
        return self._election.leads(self._clock())

    def read(self, annotation: str) -> str | None:
        """Return what an annotation of the Lease says, as it was last seen."""
        return annotations(self._election.lease).get(annotation)

    def note(self, annotation: str, text: str) -> None:
        """Have an annotation of the Lease written with the next renewal, or with the farewell."""
        self._election.notes[annotation] = text

    async def acquire(self) -> None:
        """Wait until this process leads."""
        log.info("%s is a candidate for the Lease %s/%s", self.identity, *self._where)
        waited_for = ""
        while True:
            self._current = False  # others write it
            await self._attempt()
            if self.may_write():
                log.info("%s leads", self.identity)
                return
            lease = self._election.lease or {}
            holder = lease.get("spec", {}).get("holderIdentity") or ""
            if holder and holder != waited_for:
                waited_for = holder
                log.info("%s leads; this process follows", holder)
            await asyncio.sleep(self._election.pause(self._clock()))

    async def keep(self) -> str:
        """Renew the Lease until it is lost, and return why. Nothing may be written after that."""
        while True:
            await asyncio.sleep(self._election.pause(self._clock()))
            await self._attempt()
            now = self._clock()
            if self._election.move(now) is Move.LOST:
                left = self._election.time_left(now)
                self._election.released()
                return "somebody else took the Lease" if left else "the Lease was not renewed"

    async def release(self) -> None:
        """Give the Lease back, if this process leads, so that another one leads within seconds."""
        if not self.may_write():
            return
        wish = self._election.farewell(*self._where, datetime.now(UTC))
        self._election.released()
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await self._give_back(wish)
        except (KubernetesError, TimeoutError) as error:
            log.warning("the Lease could not be given back, it will expire: %s", _words(error))
        else:
            log.info("%s gave the Lease back", self.identity)

    async def _give_back(self, wish: Object) -> None:
        try:
            await self._api.replace(wish)
        except Conflict:
            # A renewal of this very process was under way when it was told to end.
            found = await self._api.get(KIND, *self._where)
            if found["spec"].get("holderIdentity") != self.identity:
                raise
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            await self._api.replace({**wish, "metadata": {**wish["metadata"], **version}})

    async def _attempt(self) -> None:
        """Do what is to be done now. A failure changes nothing: the next attempt looks again."""
        left = self._election.time_left(self._clock())
        try:
            async with asyncio.timeout(min(ATTEMPT_SECONDS, left) if left else ATTEMPT_SECONDS):
                await self._look()
                await self._write()
        except Conflict:
            self._current = False  # somebody was faster; who it was is seen at the next look
        except (KubernetesError, TimeoutError) as error:
            self._current = False
            log.warning("the Lease %s/%s: %s", *self._where, _words(error))

    async def _look(self) -> None:
        if self._current:
            return
        try:
            lease = await self._api.get(KIND, *self._where)
        except NotFound:
            lease = None
        self._election.seen(lease, self._clock())
        self._current = True

    async def _write(self) -> None:
        sent = self._clock()
        move = self._election.move(sent)
        if move in (Move.WAIT, Move.LOST):
            return
        wish = self._election.wish(*self._where, datetime.now(UTC))
        write = self._api.create if move is Move.CREATE else self._api.replace
        self._election.written(await write(wish), sent, self._clock())


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
