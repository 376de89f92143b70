"""What was counted already: bounded, fair to all clients, and never forgotten too early."""

import hashlib

import pytest

from transit_server.api.counted_once import CountedOnce
from transit_server.errors import FeedbackFull


def tags(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest()[:16] for number in range(count)]


def test_what_was_counted_is_never_forgotten_before_its_day_is() -> None:
    counted = CountedOnce(capacity=2000)
    some = tags(2000)
    assert sum(counted.first(tag, 7, "") for tag in some) == 2000
    assert not any(counted.first(tag, 7, "") for tag in some)
    with pytest.raises(FeedbackFull):
        counted.first(tags(2001)[-1], 7, "")
    assert not counted.first(some[0], 7, ""), "nothing had to make room"
    assert counted.first(some[0], 8, ""), "another day has room of its own"
    counted.forget_before(8)
    assert not counted.first(some[0], 8, "")
    assert counted.first(some[0], 7, "")


def test_one_clients_feedback_leaves_room_for_the_others() -> None:
    counted = CountedOnce(capacity=1000)
    some = tags(1000)
    assert all(counted.first(tag, 7, "greedy") for tag in some[:500])
    with pytest.raises(FeedbackFull):
        counted.first(some[500], 7, "greedy")
    assert all(counted.first(tag, 7, "web") for tag in some[500:])
