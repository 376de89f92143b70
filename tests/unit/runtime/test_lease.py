"""Who leads: tables of what a candidate does, and two candidates on a clock that the test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transit_operator.runtime.leading.lease import DURATION, RENEW_DEADLINE, RETRY, Election, Move

WALL = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = 1_000.0


def lease(holder: str | None, version: int = 1, duration: int | None = 15) -> dict[str, Any]:
    spec: dict[str, Any] = {"renewTime": "2001-01-01T00:00:00.000000Z", "leaseTransitions": 3}
    if holder is not None:
        spec["holderIdentity"] = holder
    if duration is not None:
        spec["leaseDurationSeconds"] = duration
    return {"metadata": {"uid": "u", "resourceVersion": str(version)}, "spec": spec}


@pytest.mark.parametrize(
    ("found", "later", "expected"),
    [
        pytest.param(None, 0, Move.CREATE, id="no Lease yet"),
        pytest.param(lease(None), 0, Move.TAKE, id="given back"),
        pytest.param(lease(""), 0, Move.TAKE, id="given back, in client-go's words"),
        pytest.param(
            lease("other"), 0, Move.WAIT, id="held; its renewTime is long ago: not looked at"
        ),
        pytest.param(
            lease("other"), DURATION - 0.01, Move.WAIT, id="unchanged, not yet long enough"
        ),
        pytest.param(lease("other"), DURATION, Move.TAKE, id="unchanged for its duration"),
        pytest.param(lease("other", duration=60), 59.9, Move.WAIT, id="the holder's own duration"),
        pytest.param(lease("other", duration=None), DURATION, Move.TAKE, id="without a duration"),
        pytest.param(lease("me"), 0, Move.TAKE, id="own write whose answer was lost"),
    ],
)
def test_a_candidate(found: dict[str, Any] | None, later: float, expected: Move) -> None:
    election = Election("me")
    election.seen(found, NOW)
    assert election.move(NOW + later) is expected
    assert not election.leads(NOW + later)


def test_a_renewed_lease_is_waited_for_anew() -> None:
    election = Election("me")
    for number in range(20):
        election.seen(lease("other", version=number), NOW + 10 * number)
        assert election.move(NOW + 10 * number + 10) is Move.WAIT


def test_an_expiry_is_not_slept_through() -> None:
    election = Election("me")
    election.seen(lease("other"), NOW)
    assert election.pause(NOW) == RETRY
    assert election.pause(NOW + DURATION - 0.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("found", "later", "expected"),
    [
        pytest.param(lease("me"), RETRY, Move.RENEW, id="its own"),
        pytest.param(lease("me"), RENEW_DEADLINE - 0.01, Move.RENEW, id="late, but in time"),
        pytest.param(lease("me"), RENEW_DEADLINE, Move.LOST, id="too late, though nobody took it"),
        pytest.param(lease("me"), 60, Move.LOST, id="frozen for a minute"),
        pytest.param(lease("other"), RETRY, Move.LOST, id="somebody took it"),
        pytest.param(lease(None), RETRY, Move.LOST, id="somebody emptied it"),
        pytest.param(None, RETRY, Move.CREATE, id="somebody deleted it"),
    ],
)
def test_a_leader(found: dict[str, Any] | None, later: float, expected: Move) -> None:
    election = Election("me")
    election.written(lease("me"), sent=NOW, now=NOW + 0.1)
    assert election.leads(NOW + 0.1)
    election.seen(found, NOW + 0.2)
    assert election.move(NOW + later) is expected
    if later >= RENEW_DEADLINE:
        assert not election.leads(NOW + later)


def test_a_leader_stops_long_before_another_one_may_begin() -> None:
    """What it had sent by then has a third of the Lease's time to arrive."""
    assert RENEW_DEADLINE + DURATION / 3 <= DURATION


def test_validity_counts_from_when_the_write_was_sent() -> None:
    election = Election("me")
    election.written(lease("me"), sent=NOW, now=NOW + 9)
    assert election.leads(NOW + 9.9)
    assert not election.leads(NOW + RENEW_DEADLINE)


def test_who_lost_or_gave_back_never_leads_again() -> None:
    election = Election("me")
    election.written(lease("me"), sent=NOW, now=NOW)
    election.released()
    assert election.move(NOW) is Move.LOST
    election.seen(lease(None), NOW + 100)
    assert election.move(NOW + 100) is Move.LOST


def test_what_is_written() -> None:
    election = Election("me")
    first = election.wish("ns", "l", WALL)
    assert first["metadata"] == {"namespace": "ns", "name": "l"}
    assert first["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-11-24T12:00:00.000000Z",
        "renewTime": "2026-11-24T12:00:00.000000Z",
        "leaseTransitions": 0,
    }
    election.seen(lease("other", version=7), NOW)
    taken = election.wish("ns", "l", WALL)
    assert taken["metadata"]["resourceVersion"] == "7"
    assert taken["spec"]["leaseTransitions"] == 4
    election.written({**taken, "metadata": {"resourceVersion": "8"}}, NOW, NOW)
    renewed = election.wish("ns", "l", WALL.replace(hour=13))
    assert renewed["spec"]["acquireTime"] == "2026-11-24T12:00:00.000000Z"
    assert renewed["spec"]["renewTime"] == "2026-11-24T13:00:00.000000Z"
    assert renewed["spec"]["leaseTransitions"] == 4
    assert "holderIdentity" not in election.farewell("ns", "l", WALL)["spec"]


def test_what_stands_beside_a_lease_outlives_its_holder() -> None:
    first, second = Election("first"), Election("second")
    first.notes["transit.dev/notified"] = "one"
    kept = first.wish("ns", "l", WALL)
    assert kept["metadata"]["annotations"] == {"transit.dev/notified": "one"}
    kept["metadata"] |= {"resourceVersion": "1"}
    kept["metadata"]["annotations"]["team"] = "somebody else's"
    second.seen(kept, NOW)
    taken = second.wish("ns", "l", WALL)
    assert taken["metadata"]["annotations"] == kept["metadata"]["annotations"]
    second.notes["transit.dev/notified"] = "two"
    left = second.farewell("ns", "l", WALL)["metadata"]["annotations"]
    assert left == {"transit.dev/notified": "two", "team": "somebody else's"}


@dataclass
class Store:
    """One Lease as the API server keeps it: a write must know the present version."""

    lease: dict[str, Any] | None = None
    version: int = 0

    def write(self, wish: dict[str, Any]) -> dict[str, Any] | None:
        known = wish["metadata"].get("resourceVersion")
        if known != (self.lease and self.lease["metadata"]["resourceVersion"]):
            return None
        self.version += 1
        self.lease = {
            **wish,
            "metadata": {**wish["metadata"], "resourceVersion": str(self.version)},
        }
        return self.lease


@dataclass
class Process:
    """A candidate with a clock of its own, which can be frozen between any two things it does."""

    name: str
    offset: float
    wake: float = 0.0  # true time of its next action
    stage: int = 0  # 0: read, 1: write what was decided, 2: the answer arrives
    sent: float = 0.0
    wish: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    ended: bool = False
    election: Election = field(init=False)

    def __post_init__(self) -> None:
        self.election = Election(self.name)

    def act(self, store: Store, now: float, delay: float) -> None:
        mine = now + self.offset
        self.wake = now + delay
        if self.stage == 0:
            self.election.seen(store.lease, mine)
            move = self.election.move(mine)
            self.ended = move is Move.LOST
            if move in (Move.WAIT, Move.LOST):
                self.wake += self.election.pause(mine)
                return
            self.sent, self.wish = mine, self.election.wish("ns", "l", WALL)
        elif self.stage == 1:
            assert self.wish is not None
            self.answer = store.write(self.wish)
        elif self.answer is not None:
            self.election.written(self.answer, self.sent, mine)
            self.wake += RETRY
        self.stage = (self.stage + 1) % 3


@settings(max_examples=300, deadline=None)
@given(
    offsets=st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=3),
    delays=st.lists(st.sampled_from([0.001, 0.01, 0.1, 0.1, 1.0, 16.0, 60.0]), min_size=60),
)
def test_never_two_at_a_time_whatever_is_frozen_or_late(
    offsets: list[int], delays: list[float]
) -> None:
    store = Store()
    processes = [Process(f"p{n}", offset, wake=0.3 * n) for n, offset in enumerate(offsets)]
    for delay in delays:
        alive = [p for p in processes if not p.ended]
        if not alive:
            return
        process = min(alive, key=lambda p: p.wake)
        now = process.wake
        process.act(store, now, delay)
        # Any process may be running at this moment, also one that is in the middle of a write.
        leading = [p.name for p in processes if p.election.leads(now + p.offset)]
        assert len(leading) <= 1, leading
