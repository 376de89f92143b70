"""The work queue, on a clock that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from transit_operator.runtime.loop.queue import FIRST_BACKOFF, LONGEST_BACKOFF, WorkQueue

A, B = ("ml", "a"), ("ml", "b")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def story(tell: Callable[[WorkQueue, Clock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = Clock()
        await asyncio.wait_for(tell(WorkQueue(clock, clock), clock), 5)

    asyncio.run(run())


async def nothing_due(queue: WorkQueue) -> bool:
    """Tell whether a worker would go on waiting."""
    try:
        await asyncio.wait_for(queue.get(), 0.02)
    except TimeoutError:
        return True
    return False


def test_a_key_asked_for_many_times_is_given_once() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        for _ in range(100):
            queue.add(A)
        assert len(queue) == 1
        assert await queue.get() == A
        queue.done(A)
        assert await nothing_due(queue)

    story(tell)


def test_the_key_that_is_due_first_comes_first() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.add(A, clock.now - 1)
        queue.add(B, clock.now - 2)
        assert [await queue.get(), await queue.get()] == [B, A]

    story(tell)


def test_a_key_is_worked_on_by_one_worker_at_a_time_and_once_more_afterwards() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.add(A)
        assert await queue.get() == A
        queue.add(A)
        queue.add(A)
        assert await nothing_due(queue), "another worker must not get it"
        queue.done(A)
        assert await queue.get() == A
        queue.done(A)
        assert await nothing_due(queue)

    story(tell)


def test_a_key_that_is_worked_on_holds_up_no_other() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.add(A)
        assert await queue.get() == A
        queue.add(A)
        queue.add(B)
        assert await queue.get() == B

    story(tell)


@pytest.mark.parametrize(
    "delays",
    [
        pytest.param([5.0, 60.0], id="a later time never delays an earlier one"),
        pytest.param([60.0, 5.0], id="an earlier time brings it forward"),
    ],
)
def test_the_earliest_time_wins(delays: list[float]) -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        for delay in delays:
            queue.add(A, clock.now + delay)
        assert len(queue) == 0
        assert await nothing_due(queue)
        clock.now += 5
        assert len(queue) == 1
        assert await queue.get() == A
        queue.done(A)
        clock.now += 3600
        assert await nothing_due(queue), "the other time was the same wish"

    story(tell)


def test_a_time_asked_for_while_it_is_worked_on_is_kept() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.add(A)
        await queue.get()
        queue.add(A, clock.now + 15)
        queue.done(A)
        assert await nothing_due(queue)
        clock.now += 15
        assert await queue.get() == A

    story(tell)


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_clock_that_is_set_makes_nothing_wait_longer(jump: float) -> None:
    async def tell(wall: Clock) -> None:
        steady = Clock()
        queue = WorkQueue(wall, steady)
        queue.add(A, wall.now + 15)
        queue.failed(B)
        wall.now += jump
        steady.now += 15
        assert {await queue.get(), await queue.get()} == {A, B}

    asyncio.run(asyncio.wait_for(tell(Clock()), 5))


def test_a_waiting_worker_is_woken_by_a_new_key_and_by_done() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.add(B, clock.now + 3600)
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add(A)
        assert await waiting == A
        queue.add(A)
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.done(A)
        assert await waiting == A

    story(tell)


def test_several_waiting_workers_share_the_work() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        workers = [asyncio.create_task(queue.get()) for _ in range(2)]
        await asyncio.sleep(0)
        queue.add(A)
        queue.add(B)
        assert set(await asyncio.gather(*workers)) == {A, B}

    story(tell)


def test_failures_back_off_until_a_success() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        async def pause() -> float:
            queue.failed(A)
            low, high = 0.0, 2 * LONGEST_BACKOFF
            start = clock.now
            while high - low > 1e-3:  # the queue tells only whether a key is due
                clock.now = start + (low + high) / 2
                low, high = (low, clock.now - start) if len(queue) else (clock.now - start, high)
            clock.now = start + high
            assert await queue.get() == A
            queue.done(A)
            return high

        pauses = [await pause() for _ in range(9)]
        expected = [min(LONGEST_BACKOFF, FIRST_BACKOFF * 2**n) for n in range(9)]
        assert pauses == pytest.approx(expected, abs=2e-3)
        queue.succeeded(A)
        assert await pause() == pytest.approx(FIRST_BACKOFF, abs=2e-3)

    story(tell)


def test_failing_for_days_ends_no_worker() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        for _ in range(3_000):  # two days of one failure a minute
            queue.failed(A)
            clock.now += LONGEST_BACKOFF
            assert await queue.get() == A
            queue.done(A)

    story(tell)


def test_an_event_comes_before_the_backoff() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.failed(A)
        queue.add(A)
        assert await queue.get() == A

    story(tell)


def test_a_preferred_key_comes_before_all_that_are_due_earlier() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        others = [("ml", f"other-{number}") for number in range(3)]
        for key in others:
            queue.add(key)
        clock.now += 1
        queue.prefer(A, True)
        queue.add(A)
        assert await queue.get() == A
        assert {await queue.get() for _ in others} == set(others)

    story(tell)


def test_each_fourth_turn_is_of_one_that_is_not_preferred() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        rollouts = [("ml", f"rollout-{number}") for number in range(8)]
        for key in rollouts:
            queue.prefer(key, True)
            queue.add(key)
        clock.now += 1
        others = [("ml", f"other-{number}") for number in range(3)]
        for key in others:
            queue.add(key)
        given = [await queue.get() for _ in (*rollouts, *others)]
        assert [key in others for key in given] == [False] * 3 + [True] + [False] * 3 + [
            True, False, False, True
        ]  # fmt: skip

    story(tell)


def test_a_preferred_key_is_not_given_before_its_time() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.prefer(A, True)
        queue.add(A, clock.now + 10)
        queue.add(B)
        assert await queue.get() == B
        assert await nothing_due(queue)
        clock.now += 10
        assert await queue.get() == A

    story(tell)


def test_a_key_that_waits_already_is_preferred_and_given_once() -> None:
    async def tell(queue: WorkQueue, clock: Clock) -> None:
        queue.add(B)
        clock.now += 1
        queue.add(A)
        queue.prefer(A, True)
        assert await queue.get() == A
        queue.done(A)
        queue.prefer(A, False)
        assert await queue.get() == B
        assert await nothing_due(queue)

    story(tell)
