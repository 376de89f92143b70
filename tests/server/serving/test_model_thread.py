"""A model's thread by itself: what it makes arrives once, in `give` or later, and never both."""

import asyncio
import threading
import time
from collections.abc import Callable

from transit_server.serving.one_model.model_thread import ModelThread

LONG = 30.0


def thread_of(work: Callable[[int], int]) -> tuple[ModelThread[int, int], "asyncio.Queue[int]"]:
    later: asyncio.Queue[int] = asyncio.Queue()
    return ModelThread("m", work, later.put_nowait), later


async def test_what_is_made_in_time_is_returned() -> None:
    thread, later = thread_of(lambda given: given + 1)
    assert [thread.give(number, LONG) for number in range(5)] == [1, 2, 3, 4, 5]
    await asyncio.sleep(0)
    assert later.empty()
    thread.close()


async def test_without_patience_everything_comes_later() -> None:
    thread, later = thread_of(lambda given: given + 1)
    assert thread.give(1, 0.0) is None
    assert await asyncio.wait_for(later.get(), LONG) == 2
    thread.close()


async def test_what_takes_longer_comes_later_and_the_loop_goes_on() -> None:
    go_on = threading.Event()

    def work(given: int) -> int:
        assert go_on.wait(LONG)
        return given

    thread, later = thread_of(work)
    assert thread.give(1, 0.001) is None
    go_on.set()
    assert await asyncio.wait_for(later.get(), LONG) == 1
    assert thread.give(2, LONG) == 2
    thread.close()


async def test_whenever_patience_ends_nothing_is_lost_or_comes_twice() -> None:
    """The thread is done just before, just after, and while the loop gives up waiting."""

    def work(given: int) -> int:
        time.sleep(given % 20 * 0.0001)
        return given

    thread, later = thread_of(work)
    came = []
    for number in range(400):
        made = thread.give(number, 0.001)
        came.append(made if made is not None else await asyncio.wait_for(later.get(), LONG))
        await asyncio.sleep(0)
    assert came == list(range(400))
    assert later.empty()
    thread.close()
