"""Numbers by the quick way are those of the slow one, and what is unusual never goes the quick way.

Without simdjson there is only the slow way, and nothing to compare.
"""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_server.api import guide_requests, quick_rows
from transit_server.errors import ClientMistake

FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)


def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_rows, "_simdjson", None)


@given(st.lists(FLOATS, min_size=1, max_size=20))
def test_a_row_is_what_json_says(values: list[float]) -> None:
    quick = quick_rows.quick_row(json.dumps({"features": values}).encode())
    assert quick is not None
    assert quick[0].tolist() == [float(value) for value in values]


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(FLOATS, min_size=n, max_size=n))))
def test_rows_are_what_json_says(rows: list[list[float]]) -> None:
    quick = quick_rows.quick_rows(json.dumps({"features": rows}).encode())
    if not rows:
        assert quick is None
        return
    assert quick is not None
    assert quick[0].tolist() == [[float(value) for value in row] for row in rows]


def test_other_fields_come_along() -> None:
    body = b' {"model": "a", "features": [1, 2], "return_probabilities": false}'.strip()
    asked, numbers = guide_requests.decode_predict(body)
    assert isinstance(numbers, np.ndarray)
    assert (asked.model, asked.return_probabilities) == ("a", False)


UNUSUAL_ROWS = {
    "nested": '{"features": [[1, 2]]}',
    "nested deeper": '{"features": [1, [2]]}',
    "a truth value": '{"features": [1, true]}',
    "null": '{"features": [1, null]}',
    "a text": '{"features": [1, "2"]}',
    "an object": '{"features": {"0": 1}}',
    "another list": '{"features": [1], "model": ["a"]}',
    "twice": '{"features": [1], "features": [2]}',
    "another field twice": '{"features": [1], "model": "a", "model": "b"}',
    "no features": '{"model": "a"}',
    "beyond 64 bits": '{"features": [123456789012345678901234567890]}',
    "beyond a double": '{"features": [1e400]}',
    "NaN": '{"features": [NaN]}',
    "cut off": '{"features": [1',
    "something behind": '{"features": [1]} {}',
    "a byte order mark": '\ufeff{"features": [1]}',
    "not UTF-8": b'{"features": [1], "model": "\xff"}',
    "a list": "[1]",
    "nothing": "",
}


@pytest.mark.parametrize("body", UNUSUAL_ROWS.values(), ids=UNUSUAL_ROWS)
def test_an_unusual_row_goes_the_slow_way(body: str | bytes) -> None:
    assert quick_rows.quick_row(body if isinstance(body, bytes) else body.encode()) is None


UNUSUAL_BATCHES = {
    "a flat list": '{"features": [1, 2]}',
    "rows of two lengths": '{"features": [[1], [2, 3]]}',
    "lengths that add up": '{"features": [[1, 2, 3], [4]]}',
    "rows in rows": '{"features": [[[1], [2]], [[3], [4]]]}',
    "a text as long as a row": '{"features": [[1, 2], "ab"]}',
    "no rows": '{"features": []}',
    "a truth value": '{"features": [[1, false]]}',
    "an object as a row": '{"features": [[1], {"a": 1}]}',
    "another list": '{"features": [[1]], "model": ["a"]}',
}


@pytest.mark.parametrize("body", UNUSUAL_BATCHES.values(), ids=UNUSUAL_BATCHES)
def test_an_unusual_batch_goes_the_slow_way(body: str) -> None:
    assert quick_rows.quick_rows(body.encode()) is None


ASKED: dict[str, dict[str, Any]] = {
    "as it should be": {"features": [[1, 2], [3, 4]], "voting": "hard"},
    "too few numbers": {"features": [[1], [2]]},
    "beyond 32 bits": {"features": [[1, 2], [1e39, 4]]},
    "an unknown field": {"features": [[1, 2]], "colour": "red"},
    "a wrong type": {"features": [[1, 2]], "model": 3},
    "a wrong word": {"features": [[1, 2]], "voting": "loud"},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_both_ways_say_the_same(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
    body = json.dumps(asked).encode()

    def said() -> object:
        try:
            batch = guide_requests.decode_batch(body)
            return batch.asked.voting, batch.rows(2).tolist()
        except ClientMistake as mistake:
            return type(mistake), str(mistake), mistake.field

    quick = said()
    slowly(monkeypatch)
    assert said() == quick
