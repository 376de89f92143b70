"""Names and seals of the answer cache, and its circuit: tables, without any Redis."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transit_models.schema import Classes, Input, Inputs, Number
from transit_server.answer_cache.circuit import FIRST, LONGEST, WELL, Circuit
from transit_server.answer_cache.entries import MOST_INPUT, PREFIX, Content, Entries, Program

KEY = bytes(range(32))
PROGRAM = Program("ml/kepler", "7f9c4d2b1a", "0.1.0")
MATRIX = Inputs((Input("x", "float32", (3,)),))
CONTENT = Content("forest", "1.0.0", "9c" * 32, "onnx", MATRIX, Classes(("a", "b")))
ROWS = np.array([[1, 2, 3]], np.float32)
SCORES = np.array([[0.25, 0.75]], np.float32)
NOW = 1_800_000_000.0

TABLE = Inputs((Input("age", "float64", missing=True), Input("city", "string")))
TENSORS = np.dtype([("a", object, (2,)), ("b", "f4", (2000,))])


def entries(key: bytes = KEY, program: Program = PROGRAM, content: Content = CONTENT) -> Entries:
    return Entries(key, program, content)


def named(made: Entries, rows: Any = ROWS) -> str:
    name = made.name(rows)
    assert name is not None
    assert name.startswith(PREFIX)
    return name


OTHERS = {
    "another key": entries(key=bytes(32)),
    "another ModelDeployment": entries(program=replace(PROGRAM, model_deployment="ml/other")),
    "another revision": entries(program=replace(PROGRAM, revision="0000000000")),
    "another program": entries(program=replace(PROGRAM, version="0.2.0")),
    "another model": entries(content=replace(CONTENT, name="forest2")),
    "another version": entries(content=replace(CONTENT, version="1.0.1")),
    "another content": entries(content=replace(CONTENT, digest="9d" * 32)),
    "another engine": entries(content=replace(CONTENT, engine="scikit-learn")),
    "other labels": entries(content=replace(CONTENT, outputs=Classes(("a", "c")))),
    "other outputs": entries(content=replace(CONTENT, outputs=Number((0.5,)))),
    "other inputs": entries(
        content=replace(CONTENT, inputs=Inputs((Input("x", "float32", (3,), ("p", "q", "r")),)))
    ),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_who_is_not_the_same_finds_nothing_and_opens_nothing(other: Entries) -> None:
    name = named(entries())
    sealed = entries().sealed(name, SCORES, NOW + 1)
    assert sealed is not None
    assert named(other) != name
    assert other.opened(name, sealed, 1, NOW) is None


def test_an_answer_comes_back_as_it_was_and_as_ones_own() -> None:
    name = named(entries())
    for numbers in (np.float16, np.float32, np.float64):
        scores: Any = np.array([[0.1, np.pi], [-0.0, 1e-30]], numbers)
        sealed = entries().sealed(name, scores, NOW + 1)
        assert sealed is not None
        back = entries().opened(name, sealed, 2, NOW)
        assert back is not None
        assert back.dtype == numbers
        assert back.tobytes() == scores.tobytes()
        back += 1  # whoever gets it may write into it


def test_a_part_of_a_batch_is_sealed_as_its_own() -> None:
    batch = np.arange(8, dtype=np.float64).reshape(4, 2)
    part = batch[1:3]
    sealed = entries().sealed(named(entries()), part, NOW + 1)
    assert sealed is not None
    back = entries().opened(named(entries()), sealed, 2, NOW)
    assert back is not None
    assert back.tolist() == part.tolist()


def test_what_is_old_or_for_other_rows_or_under_another_name_is_no_answer() -> None:
    one = entries()
    name, other = named(one), named(one, ROWS + 1)
    sealed = one.sealed(name, SCORES, NOW + 1)
    assert sealed is not None
    assert one.opened(name, sealed, 1, NOW) is not None
    assert one.opened(name, sealed, 1, NOW + 1) is None, "whatever the Redis makes of its time"
    assert one.opened(name, sealed, 2, NOW) is None
    assert one.opened(other, sealed, 1, NOW) is None
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 0x10]) + sealed[place + 1 :]
        assert one.opened(name, changed, 1, NOW) is None


def test_what_is_no_number_of_a_kind_is_not_sealed() -> None:
    name = named(entries())
    assert entries().sealed(name, np.array([[1, 2]]), NOW) is None
    assert entries().sealed(name, np.zeros(3), NOW) is None


def table(*rows: tuple[Any, ...]) -> Any:
    return np.array(list(rows), TABLE.row_dtype)


def tensors(text: Any, last: float) -> Any:
    rows = np.zeros(1, TENSORS)
    rows["a"] = [[text, "b"]]
    rows["b"][0, 1000] = last
    return rows


SAME_TEXT = "".join(["Os", "lo"])
APART: dict[str, Any] = {
    "a value": (ROWS, np.array([[1, 2, 4]], np.float32)),
    "a dtype": (np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float64)),
    "a shape": (np.zeros((1, 4), np.float32), np.zeros((2, 2), np.float32)),
    "a text": (table((1.0, "Oslo")), table((1.0, "Olso"))),
    "where texts end": (table((1.0, "ab"), (1.0, "c")), table((1.0, "a"), (1.0, "bc"))),
    "no text": (table((1.0, "None")), table((1.0, None))),
    "a missing number": (table((np.nan, "x")), table((0.0, "x"))),
    "the middle of a tensor": (tensors("x", 1.0), tensors("x", 2.0)),
    "a text in a tensor": (tensors("x", 1.0), tensors("y", 1.0)),
}


@pytest.mark.parametrize(("one", "other"), APART.values(), ids=APART)
def test_rows_that_differ_have_other_names(one: Any, other: Any) -> None:
    assert named(entries(), one) != named(entries(), other)


def test_equal_rows_have_one_name_wherever_they_lie() -> None:
    wide = np.zeros((2, 6), np.float32)
    wide[:, ::2] = ROWS
    assert named(entries(), wide[:1, ::2]) == named(entries())
    assert named(entries(), table((1.0, SAME_TEXT))) == named(entries(), table((1.0, "Oslo")))


NAMELESS = {
    "large": np.zeros((1, MOST_INPUT), np.float32),
    "a long text": table((1.0, "x" * (MOST_INPUT + 1))),
    "an object": table((1.0, object())),
    "no text at all": table((1.0, "\ud800")),
}


@pytest.mark.parametrize("rows", NAMELESS.values(), ids=NAMELESS)
def test_what_has_no_name_is_not_looked_up(rows: Any) -> None:
    assert entries().name(rows) is None


def test_a_redis_that_fails_is_left_alone_longer_each_time() -> None:
    circuit = Circuit()
    assert not circuit.closed
    pauses: list[float] = []
    for second in range(12):
        circuit.close(second)
        assert circuit.closed
        pauses.append(circuit.open(second))
        assert not circuit.closed
    assert pauses[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert pauses[-1] == LONGEST
    assert circuit.open(10_000.0) == LONGEST, "it never answered since"
    circuit.close(20_000.0)
    assert circuit.open(20_000.0 + WELL * LONGEST) == FIRST, "it was well for long enough"
