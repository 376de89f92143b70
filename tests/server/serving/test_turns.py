"""Whose rows are in a batch: requests with many rows, with few, gone, and alone."""

import asyncio

import numpy as np
import pytest

from transit_server.serving.one_model.turns import Turns, Waiting


def request(rows: int, value: float = 0.0, *, alone: bool = False) -> Waiting:
    future = asyncio.get_running_loop().create_future()
    return Waiting(np.full((rows, 1), value), future, alone)


def values(turns: Turns, most: int) -> list[float]:
    return [float(v) for piece in turns.batch(most) for v in piece.rows[:, 0]]


@pytest.mark.parametrize(
    ("sizes", "most", "batches"),
    [
        pytest.param([], 4, [[]], id="nobody"),
        pytest.param([10], 4, [[0] * 4, [0] * 4, [0] * 2, []], id="one has all there is"),
        pytest.param([1, 1, 1], 2, [[0, 1], [2], []], id="in the order they came"),
        pytest.param([9, 1], 4, [[0, 0, 1, 0], [0] * 4, [0] * 2], id="a small one beside a large"),
        pytest.param([9, 9], 4, [[0, 0, 1, 1], [0, 0, 1, 1]], id="two large ones halve it"),
        pytest.param([9, 1, 1, 1, 1], 2, [[0, 1], [2, 3], [4, 0]], id="more than there is room"),
    ],
)
async def test_turns(sizes: list[int], most: int, batches: list[list[float]]) -> None:
    turns = Turns()
    for number, size in enumerate(sizes):
        turns.put(request(size, number))
    assert [values(turns, most) for _ in batches] == batches


async def test_what_is_counted() -> None:
    turns = Turns()
    large, small = request(10), request(1)
    turns.put(large)
    turns.put(small)
    assert (turns.rows, turns.requests) == (11, 2)
    assert [turns.before(rows) for rows in (1, 3, 50)] == [2, 4, 11]
    turns.batch(4)
    assert (turns.rows, turns.requests) == (7, 1)
    turns.drop(large)
    turns.drop(large)
    turns.drop(small)
    assert (turns.rows, turns.requests, turns.before(1), turns.before(9)) == (0, 0, 0, 0)
    assert turns.batch(4) == []


async def test_alone_is_alone_row_by_row() -> None:
    turns = Turns()
    turns.put(request(1, 1))
    turns.put(request(2, 2, alone=True))
    turns.put(request(1, 3))
    assert [values(turns, 4) for _ in range(5)] == [[1], [2], [3], [2], []]


async def test_what_is_whole_comes_first_and_by_itself() -> None:
    """Beside a row that fails, each would be given to the model alone."""
    turns = Turns()
    for number in range(4):
        turns.put(request(3, number))
    whole = request(3, 9)
    whole.whole = True
    turns.put(whole)
    assert values(turns, 4) == [9, 9, 9]
    assert values(turns, 4) == [0, 1, 2, 3]
