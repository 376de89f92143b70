"""Bodies with far more in them than a model takes: refusing must not need what they ask for."""

from pathlib import Path

import msgspec
import pytest

from tests.server.api import v2_cases, v2_models
from tests.server.running import RunningServer
from transit_server.api.decoding import size_guard
from transit_server.errors import InvalidInput

MANY = 5_000_000
TENSOR = b'{"inputs": [{"name": "features", "datatype": "FP32", "shape": '
TOO_MANY = {
    "rows": (b'{"features": [' + MANY * b"[]," + b"[]]}", "needs 1 to 4096 rows, got 5000001"),
    "numbers": (b'{"features": [' + MANY * b"1," + b"1]}", "far more than 1 x 784 numbers"),
    "numbers behind a row": (b'{"features": [[1],' + MANY * b"1," + b"1]}", "far more than 1 x"),
    "numbers in another field": (b'{"features": [[1]], "model": [' + MANY * b"1," + b"1]}", "far"),
    "fields": (b"{" + MANY * b'"a":1,' + b'"features": [[1]]}', "far more than 1 x 784 numbers"),
}
TOO_MANY_IN_TENSORS = {
    "inputs": (b'{"inputs": [' + MANY * b"{}," + b"{}]}", "far more than 64 x 784 numbers"),
    "outputs": (b'{"inputs": [], "outputs": [' + MANY * b"{}," + b"{}]}", "far"),
    "lengths": (TENSOR + b"[" + 3 * MANY * b"1," + b"1]}]}", "far more than 4096 x 784 numbers"),
    "parameters": (b'{"inputs": [], "parameters": {"a": [' + 3 * MANY * b"1," + b"1]}}", "far"),
    "values": (
        TENSOR + b'[9, 784], "data": [' + MANY * b"null," + b"1]}]}",
        "shape [9, 784] has 7056 elements, got 5000001",
    ),
}


def test_a_tensor_of_more_texts_than_elements_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Empty texts take four bytes each: eight million of them in the largest body."""
    case = v2_cases.words_without_end(30 * 2**20)
    with v2_models.server(tmp_path) as server:
        before = server.peak_memory()
        answer = case.asked(server.client)
        assert answer["status"] == 422
        assert "and more texts follow" in answer["answer"]["error"]
        # The body itself is 30; read to their end, the texts took 120 more, and seconds.
        assert server.peak_memory() - before < 75


def test_what_is_too_much_is_refused_before_it_is_decoded(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"random_forest": "1.0.0"}) as forest:
        forest.until_ready()
        _all_are_refused(forest)
        # Decoded, they took 1,300 MB.
        assert forest.peak_memory() < 300


def _all_are_refused(forest: RunningServer) -> None:
    for path, table in (
        ("/api/v1/predict/batch", TOO_MANY),
        ("/v2/models/random_forest/infer", TOO_MANY_IN_TENSORS),
    ):
        for case, (body, message) in table.items():
            answer = forest.client.post(path, content=body)
            assert (case, answer.status_code) == (case, 422)
            assert message in answer.text


@pytest.mark.parametrize(
    ("rows", "numbers", "message"),
    [
        (10, 5, None),
        (10, 6, None),  # a wrong length, which decoding says better
        (10, 8000, "the body has 80000 values, far more than 10 x 5 numbers"),
        (11, 5, "needs 1 to 10 rows, got 11"),
    ],
)
def test_a_batch_is_looked_at_first(rows: int, numbers: int, message: str | None) -> None:
    body = msgspec.json.encode({"features": rows * [numbers * [1]]})
    if message is None:
        size_guard.check_rows(body, 10, 5)
        return
    with pytest.raises(InvalidInput, match=message):
        size_guard.check_rows(body, 10, 5)


@pytest.mark.parametrize("size", [0, 1, 2**18 - 1, 2**18, 2**18 + 1, 2**20])
def test_count(size: int) -> None:
    assert size_guard.count(size * b"a," + b"b", b",") == size
