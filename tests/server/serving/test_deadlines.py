"""Deadlines by themselves, on a real event loop."""

import asyncio
import time
from functools import partial

import pytest

from transit_server.runtime.deadlines import Deadlines


class Told:
    """What was missed, in order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def of(self, name: str) -> "partial[None]":
        """To be called when `name` is missed."""
        return partial(self._queue.put_nowait, name)

    async def next(self) -> str:
        return await asyncio.wait_for(self._queue.get(), 10)


@pytest.fixture
def told() -> Told:
    return Told()


async def test_what_is_missed_is_told_in_its_time_and_what_is_met_is_not(told: Told) -> None:
    deadlines, start = Deadlines(), time.perf_counter()
    met = deadlines.set(start + 0.05, told.of("met"))
    deadlines.set(start + 0.1, told.of("missed"))
    deadlines.clear(met)
    assert await told.next() == "missed"
    assert time.perf_counter() - start >= 0.1


async def test_an_earlier_one_may_be_set_after_a_later_one(told: Told) -> None:
    deadlines, start = Deadlines(), time.perf_counter()
    deadlines.set(start + 3600, told.of("later"))
    deadlines.set(start + 0.02, told.of("earlier"))
    assert await told.next() == "earlier"


async def test_all_that_are_due_are_told_and_the_next_one_after_them(told: Told) -> None:
    deadlines, start = Deadlines(), time.perf_counter()
    for name, after in (("third", 0.06), ("first", 0.0), ("second", 0.0)):
        deadlines.set(start + after, told.of(name))
    assert [await told.next() for _ in range(3)] == ["first", "second", "third"]


async def test_one_that_is_past_is_told_and_clearing_it_then_does_no_harm(told: Told) -> None:
    deadlines = Deadlines()
    number = deadlines.set(time.perf_counter() - 1, told.of("past"))
    assert await told.next() == "past"
    deadlines.clear(number)


async def test_who_is_told_may_set_another(told: Told) -> None:
    deadlines = Deadlines()

    def first() -> None:
        deadlines.set(time.perf_counter() + 0.01, told.of("second"))

    deadlines.set(time.perf_counter(), first)
    assert await told.next() == "second"
