"""Who leads: the rules of a Lease, pure. No I/O and no clock: every time is an argument.

The algorithm is client-go's (`tools/leaderelection`). A candidate never reads another one's clock:
it measures on its own for how long a Lease has not changed. What a leader may still do is measured
from the moment its last renewal was *sent*, so that it stops before anybody else may start.
Neighbours: `leader` reads and writes the Lease, and asks here what to do.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ...core.objects.build import Object

DURATION = 15.0  # seconds that a Lease must stand unchanged before another candidate takes it
RENEW_DEADLINE = 10.0  # seconds after the last renewal at which a leader stops by itself
RETRY = 2.0  # seconds between two looks at the Lease, and between two renewals

API_VERSION = "coordination.k8s.io/v1"
KIND = "Lease"


class Move(StrEnum):
    """What to do next."""

    CREATE = "create"  # there is no Lease
    TAKE = "take"  # it is free, or has expired
    RENEW = "renew"
    WAIT = "wait"  # somebody else leads
    LOST = "lost"  # for ever: a process leads once


class Election:
    """One candidate's knowledge of a Lease. Times are seconds of its own steady clock."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.lease: Object | None = None  # as last seen or written
        self.notes: dict[str, str] = {}  # annotations to write with the next renewal
        self._since = 0.0  # when it was first seen as it is
        self._valid_until: float | None = None  # None: has not led yet

    def leads(self, now: float) -> bool:
        """Tell whether this candidate may write at this moment."""
        return self._valid_until is not None and now < self._valid_until

    def time_left(self, now: float) -> float:
        """Return for how many seconds it may still write without a renewal."""
        return 0.0 if self._valid_until is None else max(0.0, self._valid_until - now)

    def seen(self, lease: Object | None, now: float) -> None:
        """Take note of the Lease as it is now (None: there is none)."""
        if _record(lease) != _record(self.lease):
            self._since = now
        self.lease = lease

    def written(self, lease: Object, sent: float, now: float) -> None:
        """Take note of an own write that succeeded, and of when it had been sent."""
        self.seen(lease, now)
        self._valid_until = sent + RENEW_DEADLINE

    def released(self) -> None:
        """Take note that it gave the leadership up: it may not write any more."""
        self._valid_until = float("-inf")

    def move(self, now: float) -> Move:
        """Return what to do about the Lease as it was last seen."""
        holder = _spec(self.lease).get("holderIdentity") or ""
        if self._valid_until is not None:
            if now >= self._valid_until:
                return Move.LOST
            if self.lease is None:
                return Move.CREATE
            return Move.RENEW if holder == self.identity else Move.LOST
        if self.lease is None:
            return Move.CREATE
        # Its own name without leading: an answer to its own write was lost. Names are unique.
        if holder in ("", self.identity) or now >= self._expires():
            return Move.TAKE
        return Move.WAIT

    def pause(self, now: float) -> float:
        """Return the seconds until the next look: at an expiry it looks at once."""
        if self._valid_until is not None:
            return min(RETRY, self.time_left(now))
        if self.move(now) is Move.WAIT:
            return min(RETRY, self._expires() - now)
        return RETRY

    def wish(self, namespace: str, name: str, wall: datetime) -> Object:
        """Return the Lease to write so as to lead. `wall` is for people: nobody decides by it."""
        spec = _spec(self.lease)
        renews = spec.get("holderIdentity") == self.identity
        time = _micro_time(wall)
        return self._lease(
            namespace,
            name,
            {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": spec.get("acquireTime", time) if renews else time,
                "renewTime": time,
                "leaseTransitions": spec.get("leaseTransitions", 0)
                + (0 if renews or self.lease is None else 1),
            },
        )

    def farewell(self, namespace: str, name: str, wall: datetime) -> Object:
        """Return the Lease to write so that another one may lead at once."""
        return self._lease(
            namespace,
            name,
            {
                "leaseDurationSeconds": 1,
                "renewTime": _micro_time(wall),
                "leaseTransitions": _spec(self.lease).get("leaseTransitions", 0),
            },
        )

    def _lease(self, namespace: str, name: str, spec: dict[str, Any]) -> Object:
        meta: dict[str, Any] = {"namespace": namespace, "name": name}
        if self.lease is not None:
            meta["resourceVersion"] = self.lease["metadata"]["resourceVersion"]
        if notes := annotations(self.lease) | self.notes:
            meta["annotations"] = notes
        return {"apiVersion": API_VERSION, "kind": KIND, "metadata": meta, "spec": spec}

    def _expires(self) -> float:
        return self._since + float(_spec(self.lease).get("leaseDurationSeconds") or DURATION)


def annotations(lease: Object | None) -> dict[str, str]:
    """Return what stands beside a Lease; whoever takes it over keeps that."""
    return (lease or {}).get("metadata", {}).get("annotations") or {}


def _spec(lease: Object | None) -> dict[str, Any]:
    return (lease or {}).get("spec") or {}


def _record(lease: Object | None) -> tuple[Any, ...] | None:
    if lease is None:
        return None
    return (lease["metadata"].get("uid"), lease["metadata"].get("resourceVersion"), _spec(lease))


def _micro_time(wall: datetime) -> str:
    return wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
