"""The batcher by itself, with a model that does what the test says, on a real thread."""

import asyncio
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.server.running import eventually
from transit_server.errors import Overloaded, PredictionFailed
from transit_server.formats.base import Rows
from transit_server.serving.one_model import batching
from transit_server.serving.one_model.batching import Batcher, Limits
from transit_server.serving.one_model.pace import Pace
from transit_server.serving.one_model.predictor import BatchResult


class Gate:
    """A model that answers each row with itself, when it is let; it remembers its batches."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.batches: list[list[float]] = []

    def __call__(self, rows: Rows) -> BatchResult:
        self.batches.append(rows[:, 0].tolist())
        self.entered.set()
        assert self.open.wait(30)
        if (rows[:, 0] < 0).any():
            raise MemoryError("no room")
        return BatchResult(rows.astype(np.float64))


def row(value: float) -> Rows:
    return np.full((1, 2), value, dtype=np.float32)


def submit(batcher: Batcher, rows: Rows) -> "asyncio.Future[BatchResult]":
    return batcher.submit(rows).future


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def batcher(gate: Gate) -> Iterator[Batcher]:
    batcher = Batcher("m", gate, Limits(max_rows=4, max_wait=0.001, max_queue=8))
    yield batcher
    gate.open.set()
    batcher.close()


async def busy(gate: Gate, batcher: Batcher) -> "asyncio.Future[BatchResult]":
    """The model is at work on a row of value 0, and stays there."""
    gate.open.clear()
    gate.entered.clear()
    first = submit(batcher, row(0))
    assert await asyncio.to_thread(gate.entered.wait, 10)
    return first


async def test_idle_means_no_wait(gate: Gate) -> None:
    batcher = Batcher("m", gate, Limits(max_rows=4, max_wait=3600.0))
    for value in range(5):
        result = await asyncio.wait_for(submit(batcher, row(value)), 10)
        assert result.scores[0, 0] == value
    assert gate.batches == [[0], [1], [2], [3], [4]]
    batcher.close()


async def test_what_gathers_goes_together_and_comes_back_to_its_owner(
    gate: Gate, batcher: Batcher
) -> None:
    first = await busy(gate, batcher)
    later = [submit(batcher, row(value)) for value in range(1, 7)]
    gate.open.set()
    values = [(await future).scores[0, 0] for future in [first, *later]]
    assert values == [0, 1, 2, 3, 4, 5, 6]
    assert gate.batches == [[0], [1, 2, 3, 4], [5, 6]]


async def test_who_has_given_up_is_not_computed(gate: Gate, batcher: Batcher) -> None:
    first = await busy(gate, batcher)
    gone, stays = batcher.submit(row(1)), submit(batcher, row(2))
    batcher.drop(gone)
    batcher.drop(gone)
    assert batcher.queued == 1
    gate.open.set()
    await first
    assert (await stays).scores[0, 0] == 2
    assert gate.batches == [[0], [2]]


async def test_the_queue_is_bounded(gate: Gate, batcher: Batcher) -> None:
    await busy(gate, batcher)
    waiting = [submit(batcher, row(value)) for value in range(8)]
    with pytest.raises(Overloaded):
        submit(batcher, row(9))
    gate.open.set()
    await asyncio.gather(*waiting)
    assert (await submit(batcher, row(10))).scores[0, 0] == 10


async def test_what_goes_to_an_idle_model_does_not_wait(gate: Gate, batcher: Batcher) -> None:
    """Of those that come in one turn, 4 are the next batch, and 8 may wait."""
    gate.open.clear()
    waiting = [submit(batcher, row(value)) for value in range(12)]
    with pytest.raises(Overloaded):
        submit(batcher, row(12))
    gate.open.set()
    await asyncio.gather(*waiting)


async def test_a_request_that_finds_nobody_waiting_may_be_larger_than_the_queue(
    gate: Gate, batcher: Batcher
) -> None:
    await busy(gate, batcher)
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    future = submit(batcher, rows)
    with pytest.raises(Overloaded):
        batcher.submit(rows)
    gate.open.set()
    assert (await future).scores.tolist() == rows.tolist()
    assert [len(batch) for batch in gate.batches] == [1, 4, 4, 2]


async def test_a_large_request_leaves_room_for_small_ones(gate: Gate, batcher: Batcher) -> None:
    """Each batch has rows of all that wait."""
    await busy(gate, batcher)
    large = submit(batcher, np.full((20, 2), 7, dtype=np.float32))
    small = [submit(batcher, row(value)) for value in (1, 2)]
    gate.open.set()
    await asyncio.gather(*small)
    assert gate.batches[:2] == [[0], [7, 1, 2, 7]]
    assert (await large).scores.tolist() == [[7.0, 7.0]] * 20


class Known(Pace):
    """A second for a full batch of four, found out some seconds ago."""

    ago = 0.0

    def seconds_for(self, rows: int) -> float:
        return rows / 4

    def age(self, now: float) -> float:
        return self.ago


@pytest.mark.parametrize(
    ("rows", "left", "ago", "waiting", "refused"),
    [
        pytest.param(8, 2.0, 0.0, 0, False, id="in time"),
        pytest.param(9, 2.0, 0.0, 0, True, id="too late"),
        pytest.param(9, 2.0, 31.0, 0, False, id="nothing is known any more"),
        pytest.param(4, 2.0, 0.0, 4, False, id="in time behind others"),
        pytest.param(5, 2.0, 0.0, 4, True, id="too late behind others"),
        pytest.param(5, 2.0, 31.0, 4, True, id="others wait, who will tell"),
        pytest.param(1, 0.5, 0.0, 4, False, id="few rows take turns with many"),
    ],
)
async def test_what_cannot_be_done_in_time_is_refused(
    gate: Gate, rows: int, left: float, ago: float, waiting: int, refused: bool
) -> None:
    batcher = Batcher("m", gate, Limits(max_rows=4))
    batcher._pace = Known(4)
    batcher._pace.ago = ago
    if waiting:
        batcher.submit(np.ones((waiting, 2), dtype=np.float32))
    asked = np.ones((rows, 2), dtype=np.float32)
    if refused:
        with pytest.raises(Overloaded, match="send fewer rows") as caught:
            batcher.submit(asked, left)
        assert caught.value.retry_after is not None
    else:
        assert len((await batcher.submit(asked, left).future).scores) == rows
    batcher.close()


async def test_probes_come_before_all_that_waits(gate: Gate, batcher: Batcher) -> None:
    await busy(gate, batcher)
    others = [submit(batcher, row(value)) for value in range(1, 9)]
    probes = batcher.ask_first(row(9)).future
    gate.open.set()
    assert (await probes).scores[0, 0] == 9
    assert gate.batches[1] == [9]
    await asyncio.gather(*others)


async def test_a_batch_that_no_request_can_wait_for_is_a_model_that_hangs(gate: Gate) -> None:
    batcher = Batcher("m", gate, Limits(max_rows=4, timeout=0.05))
    first = await busy(gate, batcher)
    await asyncio.to_thread(eventually, lambda: batcher.hangs, "a model that hangs")
    assert batcher.at_work().tolist() == [[0.0, 0.0]]
    gate.open.set()
    await first
    assert not batcher.hangs
    batcher.close()


async def test_the_thread_outlives_a_model_that_raises(gate: Gate, batcher: Batcher) -> None:
    with pytest.raises(PredictionFailed, match=r"failed on this row \(MemoryError\)$"):
        await submit(batcher, row(-1))
    assert (await submit(batcher, row(1))).scores[0, 0] == 1


async def test_it_says_for_how_long_it_has_been_busy(gate: Gate, batcher: Batcher) -> None:
    assert batcher.busy_for == 0
    first = await busy(gate, batcher)
    assert batcher.busy_for > 0
    gate.open.set()
    await first
    assert batcher.busy_for == 0


async def test_what_comes_in_one_turn_of_the_loop_goes_together(
    gate: Gate, batcher: Batcher
) -> None:
    futures = [submit(batcher, row(value)) for value in range(3)]
    assert [(await future).scores[0, 0] for future in futures] == [0, 1, 2]
    assert gate.batches == [[0, 1, 2]]


async def test_a_quick_model_has_answered_when_its_turn_is_over(
    gate: Gate, batcher: Batcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "QUICK", 30.0)
    future = submit(batcher, row(1))
    await asyncio.sleep(0)
    assert future.done()


async def test_the_loop_goes_on_beside_a_slow_model(
    gate: Gate, batcher: Batcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "QUICK", 0.0)
    first = await busy(gate, batcher)
    assert not first.done()
    gate.open.set()
    assert (await first).scores[0, 0] == 0


async def test_answers_are_written_before_a_quick_model_starts_again(
    gate: Gate, batcher: Batcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "QUICK", 30.0)
    seen: list[int] = []
    first, *others = [submit(batcher, row(value)) for value in range(8)]
    first.add_done_callback(lambda _: seen.append(len(gate.batches)))
    await asyncio.gather(first, *others)
    assert gate.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert seen == [1]


async def one_a_turn(batcher: Batcher) -> None:
    """Given a batch of two before, then three rows that come one in a turn."""
    await asyncio.gather(submit(batcher, row(0)), submit(batcher, row(1)))
    futures = []
    for value in range(2, 5):
        futures.append(submit(batcher, row(value)))
        await asyncio.sleep(0)
    await asyncio.gather(*futures)
    batcher.close()


async def test_under_load_it_waits_while_each_turn_brings_more(gate: Gate) -> None:
    await one_a_turn(Batcher("m", gate, Limits(max_rows=4, max_wait=30.0)))
    assert gate.batches == [[0, 1], [2, 3, 4]]


async def test_a_model_slower_than_the_longest_wait_is_not_kept_waiting(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "QUICK", 0.0)
    await one_a_turn(Batcher("m", gate, Limits(max_rows=4, max_wait=1e-9)))
    assert gate.batches[:2] == [[0, 1], [2]]


async def test_a_quick_model_takes_along_what_comes_whatever_the_longest_wait(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "QUICK", 30.0)
    await one_a_turn(Batcher("m", gate, Limits(max_rows=4, max_wait=1e-9)))
    assert gate.batches == [[0, 1], [2, 3, 4]]


async def test_with_a_longest_wait_of_0_nothing_waits(gate: Gate) -> None:
    await one_a_turn(Batcher("m", gate, Limits(max_rows=4, max_wait=0.0)))
    assert gate.batches[:2] == [[0, 1], [2]]
