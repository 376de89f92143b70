"""Binary tensors of the v2 protocol, made by chance: answered as the same numbers in JSON are, or
refused as the client's mistake.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.server.api import v2_models
from tests.server.running import RunningServer
from transit_server.api.v2.tensors import DTYPES

_JSON_SIZE = "Inference-Header-Content-Length"
_WIDTHS = {"shares": 3, "sums": 2, "columns": 3}
_WORDS = st.sampled_from(["red", "blue", "green", "", "é", "\0", "red\n"])


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with v2_models.server(tmp_path_factory.mktemp("odd")) as running:
        yield running


@dataclass(frozen=True)
class Tensor:
    """The same elements as bytes and as JSON has them; `numbers` is None where JSON can't."""

    name: str
    datatype: str
    shape: list[int]
    raw: bytes
    numbers: list[Any] | None

    def entry(self, **more: Any) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": self.shape, **more}


@dataclass(frozen=True)
class Asked:
    """A request, and how much of it is said wrongly: by how many bytes."""

    model: str
    tensors: Sequence[Tensor]
    binary: Sequence[bool]
    binary_answer: bool
    size_off: int = 0
    header_off: int = 0
    bytes_off: int = 0

    def in_json(self) -> bytes:
        entries = [one.entry(data=one.numbers) for one in self.tensors]
        return json.dumps({"inputs": entries}).encode()

    def in_bytes(self) -> tuple[bytes, dict[str, str]]:
        entries, chunks = [], []
        for one, binary in zip(self.tensors, self.binary, strict=True):
            if binary:
                size = max(0, len(one.raw) + self.size_off)
                entries.append(one.entry(parameters={"binary_data_size": size}))
                chunks.append(one.raw)
            else:
                entries.append(one.entry(data=one.numbers))
        parameters = {"binary_data_output": self.binary_answer}
        header = json.dumps({"inputs": entries, "parameters": parameters}).encode()
        behind = b"".join(chunks)
        behind = behind[: max(0, len(behind) + self.bytes_off)] + bytes(max(0, self.bytes_off))
        told = max(0, len(header) + self.header_off)
        return header + behind, {_JSON_SIZE: str(told)}


@st.composite
def numbers(draw: st.DrawFn, name: str, rows: int, width: int) -> Tensor:
    """Any bytes are numbers of some kind."""
    datatype = draw(st.sampled_from(sorted(DTYPES)))
    dtype = DTYPES[datatype]
    size = rows * width * dtype.itemsize
    likely = st.lists(st.integers(0, 100), min_size=rows * width, max_size=rows * width).map(
        lambda values: np.array(values).astype(dtype).tobytes()
    )
    raw = draw(st.one_of(likely, st.binary(min_size=size, max_size=size)))
    values = np.frombuffer(raw, dtype)
    writable = dtype.kind != "f" or bool(np.isfinite(values).all())
    return Tensor(name, datatype, [rows, width], raw, values.tolist() if writable else None)


@st.composite
def words(draw: st.DrawFn, name: str, rows: int) -> Tensor:
    texts = draw(st.lists(_WORDS, min_size=rows, max_size=rows))
    encoded = [text.encode() for text in texts]
    raw = b"".join(struct.pack("<I", len(text)) + text for text in encoded)
    return Tensor(name, "BYTES", [rows, 1], raw, texts)


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    rows = draw(st.integers(1, 3))
    model = draw(st.sampled_from(["mixed", *_WIDTHS]))
    if model == "mixed":
        parts = [("pair", 2), ("count", 1)]
        tensors = [draw(numbers(name, rows, width)) for name, width in parts]
        tensors.append(draw(words("kind", rows)))
        tensors = draw(st.permutations(tensors))
    else:
        tensors = [draw(numbers("x", rows, _WIDTHS[model]))]
    binary = [one.numbers is None or draw(st.booleans()) for one in tensors]
    return Asked(model, tensors, binary, draw(st.booleans()))


@st.composite
def wrong_requests(draw: st.DrawFn) -> Asked:
    """One of three lengths, or several of them, are not what they should be."""
    off = st.sampled_from([0, 1, -1, 4, -4, 100, -100])
    asked = draw(requests())
    wrong = replace(
        asked,
        binary=[True, *asked.binary[1:]],
        size_off=draw(st.one_of(off, st.just(2**40))),
        header_off=draw(st.one_of(off, st.just(2**30))),
        bytes_off=draw(off),
    )
    assume(wrong.size_off or wrong.header_off or wrong.bytes_off)
    return wrong


def said(client: httpx.Client, model: str, body: bytes, headers: dict[str, str]) -> Any:
    """Status, and what is in the answer: each output as a list, or the error."""
    headers = {"X-Request-ID": "odd", **headers}
    answer = client.post(f"/v2/models/{model}/infer", content=body, headers=headers)
    size = answer.headers.get(_JSON_SIZE)
    told = json.loads(answer.content[: None if size is None else int(size)])
    if answer.status_code != 200:
        return answer.status_code, told["error"]
    behind = memoryview(answer.content)[len(answer.content) if size is None else int(size) :]
    outputs = {}
    for output in told["outputs"]:
        data = output.get("data")
        if data is None:
            length = output["parameters"]["binary_data_size"]
            data, behind = _read(behind[:length], output["datatype"]), behind[length:]
        outputs[output["name"]] = output["datatype"], output["shape"], data
    assert not behind
    return answer.status_code, outputs


def _read(data: memoryview, datatype: str) -> list[Any]:
    if datatype != "BYTES":
        values: list[Any] = np.frombuffer(data, DTYPES[datatype]).tolist()
        return values
    texts = []
    while data:
        (length,) = struct.unpack_from("<I", data)
        texts.append(str(data[4 : 4 + length], "utf-8"))
        data = data[4 + length :]
    return texts


@given(asked=requests())
def test_answered_as_the_same_in_json(odd: RunningServer, asked: Asked) -> None:
    status, answer = said(odd.client, asked.model, *asked.in_bytes())
    if any(one.numbers is None for one in asked.tensors):
        # What JSON can't say: only a model that takes gaps may be given NaN.
        assert status == 422 or asked.model == "sums", answer
        return
    assert (status, answer) == said(odd.client, asked.model, asked.in_json(), {})
    assert status in (200, 422) or "the model" in answer


@given(asked=wrong_requests())
def test_what_does_not_add_up_is_refused(odd: RunningServer, asked: Asked) -> None:
    status, answer = said(odd.client, asked.model, *asked.in_bytes())
    assert status in (400, 422), answer
