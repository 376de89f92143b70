"""No body keeps others from the interpreter for long: little is given to a parser at once, whatever
the body is made of; what can't be cut takes turns, with rests.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from transit_server.api import guide_requests
from transit_server.api.decoding import large_bodies, quick_numbers, rows, size_guard
from transit_server.api.decoding.large_bodies import LONG, by_size, in_one_call
from transit_server.api.v2 import long_lists, requests, tensors
from transit_server.errors import ClientMistake, InvalidInput, MalformedBody

MANY = 2 * LONG
SPACE = b" " * MANY
ROW = b"[" + b",".join(784 * [b"1.25"]) + b"]"
FLAT = b"[" + b",".join(784 * 600 * [b"1.25"]) + b"]"
NESTED = b"[" + b",".join(600 * [ROW]) + b"]"
LIMITS = requests.Limits(inputs=1, rows=4096, widest=784, longest_name=0)


def row(body: bytes) -> None:
    size_guard.check_values(body, 1, 784)
    size_guard.check_bytes(body, 0)
    guide_requests.decode_predict(body)


def batch(body: bytes) -> None:
    size_guard.check_rows(body, 4096, 784)
    size_guard.check_bytes(body, 0)
    guide_requests.decode_batch(body)


def infer(body: bytes) -> None:
    (tensor,) = requests.decode_infer(body, None, LIMITS)[0].inputs
    tensors.from_json(tensor.data, tensor.datatype, tensor.shape, "data")


def tensor(data: bytes, besides: bytes = b"") -> bytes:
    head = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [600, 784], "data": '
    return head + data + b"}]" + besides + b"}"


BODIES: dict[str, tuple[Callable[[bytes], None], bytes]] = {
    "space behind a row": (row, b'{"features": ' + ROW + b"}" + SPACE),
    "space within a row": (row, b'{"features": [1,' + SPACE + b"1]}"),
    "nothing but space": (row, SPACE),
    "a long text": (row, b'{"features": ' + ROW + b', "model": "' + MANY * b"a" + b'"}'),
    "a long name": (row, b'{"features": ' + ROW + b', "' + MANY * b"a" + b'": 1}'),
    "brackets": (row, b'{"features": ' + MANY * b"["),
    "space behind rows": (batch, b'{"features": [' + ROW + b"]}" + SPACE),
    "rows": (batch, b'{"features": ' + NESTED + b"}"),
    "space behind inputs": (infer, tensor(FLAT) + SPACE),
    "values in parameters": (infer, tensor(FLAT, b', "parameters": {"a": ' + FLAT + b"}")),
    "a long id": (infer, tensor(b"[1]", b', "id": "' + MANY * b"a" + b'"')),
    "a flat list": (infer, tensor(FLAT)),
    "nested lists": (infer, tensor(NESTED)),
    "nested three deep": (infer, tensor(b"[" + NESTED + b"]")),
    "null at the end": (infer, tensor(FLAT[:-5] + b"null]")),
    "null at the end of rows": (infer, tensor(NESTED[:-6] + b"null]]")),
    "a number that is none": (infer, tensor(FLAT[:-5] + b"NaN]")),
    "space between numbers": (infer, tensor(FLAT[:-5] + SPACE + b"1.25]")),
    "a text at the end": (infer, tensor(FLAT[:-5] + b'"a"]')),
}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much each call of a parser was given."""
    sizes: list[int] = []

    class Parser:
        def __init__(self) -> None:
            self._parser = simdjson.Parser()

        def parse(self, text: bytes) -> Any:
            sizes.append(len(text))
            return self._parser.parse(text)

    class Library:
        pass

    def in_one_call(parse: Callable[[Any], Any], text: Any) -> Any:
        sizes.append(len(memoryview(text)))
        return parse(text)

    simdjson = quick_numbers._simdjson
    if simdjson is not None:
        monkeypatch.setattr(Library, "Parser", Parser, raising=False)
        monkeypatch.setattr(quick_numbers, "_simdjson", Library)
    monkeypatch.setattr(rows, "in_one_call", in_one_call)
    monkeypatch.setattr(requests, "in_one_call", in_one_call)
    return sizes


@pytest.mark.parametrize("name", BODIES)
def test_no_call_of_a_parser_is_given_much(parsed: list[int], name: str) -> None:
    read, body = BODIES[name]
    assert len(body) >= 2 * LONG
    with suppress(ClientMistake):  # most of them are wrong
        read(body)
    assert max(parsed, default=0) <= LONG + 2 * 64 * 1024


@pytest.mark.parametrize("data", [FLAT, NESTED, b"[" + NESTED + b"]"])
def test_a_list_is_the_same_in_pieces(data: bytes) -> None:
    """Of any value, with what no fast way takes at its end."""
    data = data.replace(b"1.25", b"7", 99).replace(b"1.25", b"-2e3", 9)
    text = data[: data.rindex(b"1.25")] + b"null" + data[data.rindex(b"1.25") + 4 :]
    made = [value for piece in long_lists.pieces(text, "data", 3) for value in piece]
    flat = text.translate(bytes.maketrans(b"[]", b"  "))
    assert made == msgspec.json.decode(b"[" + flat + b"]")
    outline = long_lists.cut_out(tensor(text))
    assert len(outline.text) < 200
    assert [bytes(one) for one in outline.lists] == [text]


MISPLACED = {
    "one too many": FLAT + b"]",
    "one too few": FLAT[:-1],
    "closed in the middle": FLAT[:9] + b"1.25],[" + FLAT[9:],
    "between numbers": FLAT.replace(b"1.25,", b"1[,1.25],", 1),
    "no comma": FLAT.replace(b"1.25,", b"[1.25][1.25],", 1),
    "two commas": FLAT.replace(b",", b",,", 1),
    "a comma at the end": FLAT[:-1] + b",]",
    "nothing": FLAT[:-1] + b"," + 99_999 * b" " + b"," + 99_999 * b" " + b"]",
}


@pytest.mark.parametrize("name", MISPLACED)
def test_what_is_no_list_is_none_in_pieces(name: str) -> None:
    with pytest.raises(MalformedBody):
        for _ in long_lists.pieces(MISPLACED[name], "data", 3):
            pass


def test_a_list_that_is_too_deep() -> None:
    with pytest.raises(InvalidInput, match="deeper"):
        list(long_lists.pieces(NESTED, "data", 1))


def test_what_is_no_list_of_numbers_stays() -> None:
    for data in (b'["a", ' + FLAT + b"]", b'[{"a": 1}, ' + FLAT + b"]", b'"' + FLAT + b'"'):
        assert long_lists.cut_out(tensor(data)).text == tensor(data)


async def test_long_calls_take_turns_and_rest() -> None:
    """So that with any number of clients others have the interpreter half of the time."""
    calls: list[tuple[float, float, float]] = []

    def parse(text: bytes) -> None:
        began, used = time.perf_counter(), time.thread_time()
        json.loads(text)
        calls.append((began, time.perf_counter(), time.thread_time() - used))

    text = b"[" + b"1.25," * LONG + b"1]"
    await asyncio.gather(*(by_size(len(text), in_one_call, parse, text) for _ in range(3)))
    assert calls == sorted(calls)
    for (_, ended, used), (began, _, _) in pairwise(calls):
        assert began - ended >= min(used, large_bodies._LONGEST_REST)


async def test_what_is_shorter_does_not_wait_for_them() -> None:
    go_on = threading.Event()
    long = asyncio.ensure_future(by_size(LONG + 1, go_on.wait, 20))
    assert await by_size(LONG, bool, 1)
    assert not long.done()
    go_on.set()
    assert await long
