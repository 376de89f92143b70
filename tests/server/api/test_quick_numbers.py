"""Numbers by the quick way are those of the slow one, and what is unusual never goes the quick way.

Without simdjson there is only the slow way, and nothing to compare.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_models.schema import Input, Inputs
from transit_server.api import guide_requests
from transit_server.api.decoding import quick_numbers
from transit_server.api.v2 import tensors
from transit_server.errors import ClientMistake

FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)


def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_numbers, "_simdjson", None)


@given(st.lists(FLOATS, min_size=1, max_size=20))
def test_a_row_is_what_json_says(values: list[float]) -> None:
    quick = quick_numbers.quick_row(json.dumps({"features": values}).encode())
    assert quick is not None
    assert quick[0].tolist() == [float(value) for value in values]


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(FLOATS, min_size=n, max_size=n))))
def test_rows_are_what_json_says(rows: list[list[float]]) -> None:
    quick = quick_numbers.quick_rows(json.dumps({"features": rows}).encode())
    with np.errstate(over="ignore"):
        expected = np.array(rows, dtype=np.float64).astype(np.float32)
    if not rows or not np.isfinite(expected).all():
        assert quick is None
        return
    assert quick is not None
    assert quick[0].tolist() == expected.tolist()


@pytest.mark.parametrize("count", [7, 8, 9, 15, 16, 17, 40])
@pytest.mark.parametrize(
    "between", ["],[", "] , [", "]\n,\r\n\t["], ids=["tight", "loose", "lines"]
)
def test_rows_in_several_groups_keep_their_order(count: int, between: str) -> None:
    rows = between.join(f"{row}, {row}.5" for row in range(count))
    quick = quick_numbers.quick_rows(f'{{"model": "a", "features": [ [{rows}] ]}}'.encode())
    assert quick is not None
    assert quick[0].tolist() == [[row, row + 0.5] for row in range(count)]
    assert quick[1] == {"model": "a"}


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
    assert quick_numbers.quick_row(body if isinstance(body, bytes) else body.encode()) is None


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
    "another list before": '{"model": ["a"], "features": [[1]]}',
    "another empty list": '{"features": [[1]], "model": []}',
    "a bracket in a text before": '{"model": "[", "features": [[1]]}',
    "a bracket in a text behind": '{"features": [[1]], "model": "]"}',
    "rows in a text": '{"features": "", "model": "[[1], [2]]"}',
    "rows in a name": '{"features": {}, "a[[1]]": 1}',
    "beyond a float of 32 bits": '{"features": [[1e39]]}',
    "twice": '{"features": [[1]], "features": [[2]]}',
    "no features": '{"rows": [[1]]}',
    "nested in the second group": '{"features": [' + 8 * "[1]," + "[[1]]]}",
    "groups cut within a row": '{"features": [' + 9 * "[[1]]," + "[1]]}",
    "no comma between groups": '{"features": [' + 7 * "[1]," + "[1] [1]]}",
    "two commas between groups": '{"features": [' + 8 * "[1]," + ",[1]]}",
    "a comma at the end": '{"features": [' + 8 * "[1]," + "]}",
    "a number between groups": '{"features": [' + 8 * "[1]," + "2,[1]]}",
    "lengths that differ between groups": '{"features": [' + 8 * "[1]," + "[1, 2]]}",
    "a space that is none in JSON": '{"features": [' + 8 * "[1]," + "\v[1]]}",
    "cut off": '{"features": [[1], [2]',
    "something behind": '{"features": [[1]]} {}',
}


@pytest.mark.parametrize("body", UNUSUAL_BATCHES.values(), ids=UNUSUAL_BATCHES)
def test_an_unusual_batch_goes_the_slow_way(body: str) -> None:
    assert quick_numbers.quick_rows(body.encode()) is None


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
            return batch.asked.voting, batch.rows(inputs(2)).tolist()
        except ClientMistake as mistake:
            return type(mistake), str(mistake), mistake.field

    quick = said()
    slowly(monkeypatch)
    assert said() == quick


def inputs(features: int) -> Inputs:
    return Inputs((Input("features", "float32", (features,)),))


INTEGERS = st.integers(-(2**63), 2**64 - 1)


def tensor(data: bytes, datatype: str, shape: list[int]) -> object:
    """What a tensor in JSON is, or what is said to be wrong with it."""
    try:
        return tensors.from_json(msgspec.Raw(data), datatype, shape, "data").tolist()
    except ClientMistake as mistake:
        return type(mistake), str(mistake), mistake.field


@given(
    st.lists(FLOATS | INTEGERS | st.booleans(), min_size=1, max_size=12),
    st.sampled_from(sorted(tensors.DTYPES)),
    st.sampled_from([1, 2, 3]),
)
def test_both_ways_say_the_same_of_a_tensor(values: list[Any], datatype: str, rows: int) -> None:
    shape = [rows, max(1, len(values) // rows)]
    cut = [values[start : start + shape[1]] for start in range(0, len(values), shape[1])]
    for data in (values, cut, [cut], [values, values]):
        text = json.dumps(data).encode()
        said = tensor(text, datatype, shape)
        with pytest.MonkeyPatch.context() as patch:
            slowly(patch)
            assert tensor(text, datatype, shape) == said


UNUSUAL_TENSORS = {
    "nothing": "",
    "an empty list": "[]",
    "no list": "1",
    "nested and flat": "[1, [2]]",
    "flat and nested": "[[1], 2]",
    "nested three deep": "[[[1]]]",
    "rows of two lengths": "[[1], [2, 3]]",
    "a truth value": "[true]",
    "null": "[null]",
    "a text": '["1"]',
    "a bracket in a text": '[1, "["]',
    "two commas": "[1,,2]",
    "a comma at the end": "[1,]",
    "a comma at the start": "[,1]",
    "cut off": "[1, 2",
    "NaN": "[NaN]",
}


@pytest.mark.parametrize("kind", get_args(quick_numbers.Kind))
@pytest.mark.parametrize("data", UNUSUAL_TENSORS.values(), ids=UNUSUAL_TENSORS)
def test_an_unusual_tensor_goes_the_slow_way(data: str, kind: quick_numbers.Kind) -> None:
    assert quick_numbers.quick_tensor(data.encode(), kind) is None


@pytest.mark.parametrize("space", ["", " ", "\r\n\t"], ids=["tight", "loose", "lines"])
def test_a_large_tensor_comes_in_pieces(space: str) -> None:
    numbers = range(-60_000, 60_000)
    text = f"[{space}" + f",{space}".join(map(str, numbers)) + f"{space}]"
    found = quick_numbers.quick_tensor(text.encode(), "i")
    assert found is not None
    assert found.tolist() == list(numbers)
    doubled = quick_numbers.quick_tensor(text.replace(f",{space}5,", ",5,,", 1).encode(), "i")
    assert doubled is None


def large_rows() -> Callable[[], object]:
    row = b"[" + b", ".join(784 * [b"1.25"]) + b"]"
    body = b'{"features": [' + b", ".join(4000 * [row]) + b"]}"
    return lambda: guide_requests.decode_batch(body).rows(inputs(784))


def large_tensor() -> Callable[[], object]:
    text = msgspec.Raw(b"[" + b", ".join(784 * 4000 * [b"1.25"]) + b"]")
    return lambda: tensors.from_json(text, "FP32", [4000, 784], "")


@pytest.mark.timing
@pytest.mark.parametrize("large", [large_rows, large_tensor])
def test_others_have_their_turns_while_what_is_large_is_decoded(
    large: Callable[[], Callable[[], object]],
) -> None:
    """Without pauses another thread, such as the event loop's, waits for most of the time."""
    decode = large()
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.001)  # as the server does
    turns: list[float] = []
    done = threading.Event()

    def others() -> None:
        while not done.is_set():
            time.sleep(0.001)
            turns.append(time.perf_counter())

    thread = threading.Thread(target=others)
    thread.start()
    try:
        start = time.perf_counter()
        decode()
        end = time.perf_counter()
    finally:
        sys.setswitchinterval(before)
        done.set()
        thread.join()
    moments = [start, *(turn for turn in turns if start < turn < end), end]
    longest = max(later - earlier for earlier, later in pairwise(moments))
    assert longest < (end - start) / 3
