"""What batches of several sizes say about a full one."""

import math

import pytest

from transit_server.serving.one_model.pace import Pace


@pytest.mark.parametrize(
    ("batches", "eight_rows"),
    [
        pytest.param([], 0.0, id="nothing is known"),
        pytest.param([(4, 2.0)], 4.0, id="a full one is what it is"),
        pytest.param([(4, 2.0), (4, 1.0)], 2.0, id="the last one counts"),
        pytest.param([(1, 1.0)], 2.0, id="a full one takes no less than one row"),
        pytest.param([(4, 9.0), (1, 1.0)], 8.0, id="and no more than four of them"),
        pytest.param([(4, 2.0), (1, 1.0)], 4.0, id="in between it stays"),
    ],
)
def test_pace(batches: list[tuple[int, float]], eight_rows: float) -> None:
    pace = Pace(4)
    for rows, seconds in batches:
        pace.took(rows, seconds, 10.0)
    assert pace.seconds_for(8) == eight_rows
    assert pace.age(12.0) == (2.0 if batches else math.inf)
