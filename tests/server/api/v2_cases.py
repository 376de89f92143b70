"""Odd bodies of the v2 protocol, by name, for `test_v2_bodies`; what each is answered stands in
`golden/v2_bodies.json`.

`python -m tests.server.api.v2_cases` writes that anew; a look at the diff is the review. The models
are `v2_models`.
"""

import json
import struct
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from .v2_models import server

GOLDEN = Path(__file__).parent / "golden" / "v2_bodies.json"
_JSON_SIZE = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Case:
    """A body for a model; `headers` besides. `version` is in the path, if any is."""

    body: bytes
    model: str = "shares"
    headers: dict[str, str] = field(default_factory=dict)
    version: str = ""

    def asked(self, client: httpx.Client) -> dict[str, Any]:
        """What it is answered: status, JSON, and the bytes of binary tensors."""
        path = f"/v2/models/{self.model}" + (f"/versions/{self.version}" if self.version else "")
        headers = {"X-Request-ID": "odd", **self.headers}
        answer = client.post(f"{path}/infer", content=self.body, headers=headers)
        size = answer.headers.get(_JSON_SIZE)
        said: dict[str, Any] = {"status": answer.status_code}
        said["answer"] = json.loads(answer.content[: None if size is None else int(size)])
        if size is not None:
            said["type"] = answer.headers["content-type"]
            said["tensors"] = answer.content[int(size) :].hex()
        return said


def _tensor(
    data: Any = "[1, 1, 2]", shape: Any = "[1, 3]", datatype: str = "FP32", **more: Any
) -> str:
    """A tensor as JSON; `data` and `shape` are JSON already, None leaves them out."""
    parts = ['"name": "features"']
    parts += [f'"shape": {shape}'] if shape is not None else []
    parts += [f'"datatype": "{datatype}"']
    parts += [f'"{name}": {value}' for name, value in more.items()]
    parts += [f'"data": {data}'] if data is not None else []
    return "{" + ", ".join(parts) + "}"


def _of(*tensors: str, **more: str) -> bytes:
    """A body with these inputs and other fields, all JSON already."""
    fields = [f'"{name}": {value}' for name, value in more.items()]
    return ("{" + ", ".join([f'"inputs": [{", ".join(tensors)}]', *fields]) + "}").encode()


def _one(*args: Any, **more: Any) -> Case:
    return Case(_of(_tensor(*args, **more)))


def _with(**more: str) -> Case:
    return Case(_of(_tensor(), **more))


def _sums(*args: Any) -> Case:
    return Case(_of(_tensor(*args)), "sums")


def _mixed(
    pair: str = "[1, 2]", count: str = "[3]", kind: str = '["red"]', shape: str = "1"
) -> Case:
    tensors = (
        f'{{"name": "kind", "shape": [{shape}], "datatype": "BYTES", "data": {kind}}}',
        f'{{"name": "pair", "shape": [{shape}, 2], "datatype": "FP32", "data": {pair}}}',
        f'{{"name": "count", "shape": [{shape}, 1], "datatype": "INT64", "data": {count}}}',
    )
    return Case(_of(*tensors), "mixed")


def _columns(*names: str, rows: int = 1, datatype: str = "FP32") -> Case:
    data = json.dumps([1] * rows)
    tensors = (
        f'{{"name": "{name}", "shape": [{rows}], "datatype": "{datatype}", "data": {data}}}'
        for name in names
    )
    return Case(_of(*tensors), "columns")


def _binary(header: bytes, tensors: bytes, model: str = "shares", size: str = "") -> Case:
    return Case(header + tensors, model, {_JSON_SIZE: size or str(len(header))})


def _chunk(size: Any = 12, **more: Any) -> bytes:
    return _of(_tensor(None, parameters=f'{{"binary_data_size": {size}}}', **more))


_ROW = struct.pack("<3f", 1, 1, 2)
_TWO_ROWS = struct.pack("<6f", 1, 1, 2, 2, 1, 1)
_WORDS = b"".join(struct.pack("<I", len(word)) + word for word in (b"red", b"blue"))


def _mixed_binary(kinds: bytes, size: int | None = None) -> Case:
    size = len(kinds) if size is None else size
    header = (
        '{"inputs": ['
        '{"name": "pair", "shape": [2, 2], "datatype": "FP32", '
        '"parameters": {"binary_data_size": 16}}, '
        '{"name": "count", "shape": [2], "datatype": "INT64", "data": [1, 2]}, '
        '{"name": "kind", "shape": [2], "datatype": "BYTES", '
        f'"parameters": {{"binary_data_size": {size}}}}}]}}'
    ).encode()
    return _binary(header, struct.pack("<4f", 1, 2, 3, 4) + kinds, "mixed")


def words_without_end(size: int) -> Case:
    """So many bytes of empty texts, where two texts belong."""
    return _mixed_binary(bytes(size))


CASES: dict[str, Case] = {
    # How many rows, and how they are written.
    "one row": _one(),
    "two rows": _one("[1, 1, 2, 2, 1, 1]", "[2, 3]"),
    "a row without the first axis": _one("[1, 1, 2]", "[3]"),
    "nested": _one("[[1, 1, 2], [2, 1, 1]]", "[2, 3]"),
    "nested once more": _one("[[[1, 1, 2]]]"),
    "nested too deep": _one("[[[[1, 1, 2]]]]"),
    "nested unevenly": _one("[1, [1, 2]]"),
    "nested rows of two lengths": _one("[[1], [1, 2]]"),
    "nested with an empty row": _one("[[1, 1, 2], []]"),
    "loose": Case(b' \r\n {\t"inputs"\n: [ {"name" : "x" , "shape":[ 1 ,3],"datatype": "FP32" , '
                  b'"data": [ 1 ,\n1\t,2 ] } ] } \n'),
    "tight": Case(b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,1,2]}]}'),
    "an axis of one more": _one("[1, 1, 2]", "[1, 3, 1]"),
    "a flat shape of two rows": _one("[1, 1, 2, 2, 1, 1]", "[6]"),
    "no rows": _one("[]", "[0, 3]"),
    "more rows than are taken": _one("[1]", "[4001, 3]"),
    "too few numbers": _one("[1, 1]"),
    "too many numbers": _one("[1, 1, 2, 3]"),
    "too wide a shape": _one("[1, 1, 2, 3]", "[1, 4]"),
    "a length below zero": _one(shape="[-1, 3]"),
    "a length that is no whole number": _one(shape="[1.5, 3]"),
    "a length with a point": _one(shape="[1.0, 3]"),
    "a length that is true": _one(shape="[true, 3]"),
    "a length that is text": _one(shape='["1", 3]'),
    "a length beyond all": _one(shape="[99999999999, 3]"),
    "no axes": _one(shape="[]"),
    "nine axes": _one(shape="[1, 1, 1, 1, 1, 1, 1, 1, 3]"),
    "a shape that is a number": _one(shape="3"),
    "a shape that is null": _one(shape="null"),
    "no shape": _one(shape=None),
    # What kinds of numbers.
    "halves": _one(datatype="FP16"),
    "doubles": _one(datatype="FP64"),
    "bytes with a sign": _one(datatype="INT8"),
    "longs": _one(datatype="INT64"),
    "longs without a sign": _one(datatype="UINT64"),
    "truth values": _one("[true, true, false]", datatype="BOOL"),
    "numbers for truth values": _one(datatype="BOOL"),
    "truth values for numbers": _one("[1, true, 2]"),
    "a fraction for a whole number": _one("[1, 1.5, 2]", datatype="INT32"),
    "a point in a whole number": _one("[1, 1.0, 2]", datatype="INT32"),
    "an exponent in a whole number": _one("[1, 1e0, 2]", datatype="INT32"),
    "beyond a byte": _one("[1, 300, 2]", datatype="INT8"),
    "below zero without a sign": _one("[1, -1, 2]", datatype="UINT8"),
    "beyond a long": _one("[1, 9223372036854775808, 2]", datatype="INT64"),
    "the largest without a sign": _one("[0, 18446744073709551615, 0]", datatype="UINT64"),
    "beyond 64 bits": _one("[1, 123456789012345678901234567890, 2]"),
    "beyond 64 bits, whole": _one("[1, 123456789012345678901234567890, 2]", datatype="UINT64"),
    "minus zero": _one("[-0, 1, 1]"),
    "minus zero with a point": _one("[-0.0, 1, 1]"),
    "tiny": _one("[1e-400, 1, 1]"),
    "beyond a float of 32 bits": _one("[1, 1e39, 2]"),
    "beyond a double": _one("[1, 1e400, 2]"),
    "NaN": _one("[1, NaN, 2]"),
    "infinity": _one("[1, -Infinity, 2]"),
    "a leading zero": _one("[1, 01, 2]"),
    "a plus": _one("[1, +1, 2]"),
    "a point at the end": _one("[1, 1., 2]"),
    "null for a number": _one("[1, null, 2]"),
    "text for a number": _one('[1, "1", 2]'),
    "an object for a number": _one('[1, {"a": 1}, 2]'),
    "a comma too many": _one("[1, 1, 2,]"),
    "data that are text": _one('"AAAA"'),
    "data that are an object": _one('{"0": 1}'),
    "data that are null": _one("null"),
    "data that are a number": _one("1"),
    "no data": _one(None),
    "an unknown datatype": _one(datatype="FP8"),
    "a datatype in small letters": _one(datatype="fp32"),
    "text for a model of numbers": _one('["1", "1", "2"]', datatype="BYTES"),
    "what no probabilities come of": _one("[1, -1, 0]"),
    "what is no number then": _one("[0, 0, 0]"),
    # 64 bits, and what may be missing.
    "wide": _sums("[1775493678.5, 0.25]", "[1, 2]", "FP64"),
    "wide, as floats of 32 bits": _sums("[1775493678.5, 0.25]", "[1, 2]", "FP32"),
    "wide, whole": _sums("[9007199254740993, 0]", "[1, 2]", "INT64"),
    "missing": _sums("[null, 2, 3, null]", "[2, 2]", "FP64"),
    "missing, nested": _sums("[[null, 2], [3, null]]", "[2, 2]", "FP64"),
    "missing among whole numbers": _sums("[null, 2]", "[1, 2]", "INT64"),
    "beyond a double, wide": _sums("[1e400, 1]", "[1, 2]", "FP64"),
    "large, wide": _sums("[1e300, 1]", "[1, 2]", "FP64"),
    # Several inputs.
    "mixed": _mixed(),
    "mixed rows": _mixed("[1, 2, 3, 4]", "[3, 5]", '["red", "blue"]', "2"),
    "mixed, nested": _mixed("[[1, 2], [3, 4]]", "[[3], [5]]", '[["red"], ["blue"]]', "2"),
    "mixed, a number for a word": _mixed(kind="[1]"),
    "mixed, null for a word": _mixed(kind="[null]"),
    "mixed, an unknown word": _mixed(kind='["green"]'),
    "mixed, a word that is escaped": _mixed(kind='["\\u0072ed"]'),
    "mixed, a fraction": _mixed(count="[1.5]"),
    "mixed, fewer of one": Case(
        _of('{"name": "kind", "shape": [2], "datatype": "BYTES", "data": ["red", "red"]}',
            '{"name": "pair", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}',
            '{"name": "count", "shape": [1], "datatype": "INT64", "data": [3]}'),
        "mixed",
    ),
    "mixed, one missing": Case(
        _of('{"name": "pair", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}'), "mixed"
    ),
    "mixed, one twice": Case(
        _of(*(3 * ['{"name": "pair", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}'])),
        "mixed",
    ),
    "columns": _columns("high", "low", "middle"),
    "columns of two rows": _columns("low", "middle", "high", rows=2),
    "columns of whole numbers": _columns("low", "middle", "high", datatype="INT8"),
    "columns, one missing": _columns("low", "middle"),
    "columns, one unknown": _columns("low", "middle", "depth"),
    "columns as one tensor": Case(_of(_tensor()), "columns"),
    "two tensors for one": Case(_of(_tensor(), _tensor())),
    # The rest of the body.
    "an id": _with(id='"42"'),
    "an id of odd letters": _with(id='"\\u00e9\\n\\"\U0001f600"'),
    "an empty id": _with(id='""'),
    "an id that is a number": _with(id="42"),
    "an id that is null": _with(id="null"),
    "parameters": _with(parameters='{"priority": 1, "more": {"a": [1, null]}}'),
    "parameters that are null": _with(parameters="null"),
    "parameters that are a list": _with(parameters="[]"),
    "feedback, and there is no key": _with(parameters='{"feedback": true}'),
    "feedback that is text": _with(parameters='{"feedback": "yes"}'),
    "one output": _with(outputs='[{"name": "class"}]'),
    "outputs in another order": _with(outputs='[{"name": "class_id"}, {"name": "probabilities"}]'),
    "an output twice": _with(outputs='[{"name": "class"}, {"name": "class"}]'),
    "no outputs": _with(outputs="[]"),
    "an unknown output": _with(outputs='[{"name": "class"}, {"name": "logits"}]'),
    "an output of another task": _with(outputs='[{"name": "value"}]'),
    "an output without a name": _with(outputs="[{}]"),
    "an output that is text": _with(outputs='["class"]'),
    "outputs that are null": _with(outputs="null"),
    "outputs that are an object": _with(outputs='{"name": "class"}'),
    "parameters of an output": _with(outputs='[{"name": "class", "parameters": {"x": 1}}]'),
    "parameters of an output that are a list": _with(
        outputs='[{"name": "class", "parameters": []}]'
    ),
    "unknown fields": Case(
        _of(_tensor(content_type='"np"'), outputs='[{"name": "class", "y": [1]}]', z="[[1]]")
    ),
    "parameters of an input": _one(parameters='{"content_type": "np"}'),
    "parameters of an input that are null": _one(parameters="null"),
    "an input without a name": Case(
        b'{"inputs": [{"shape": [1, 3], "datatype": "FP32", "data": [1, 1, 2]}]}'
    ),
    "a name that is a number": Case(
        b'{"inputs": [{"name": 1, "shape": [1, 3], "datatype": "FP32", "data": [1, 1, 2]}]}'
    ),
    "a bracket in a name": Case(
        b'{"inputs": [{"name": "[[{", "shape": [1, 3], "datatype": "FP32", "data": [1, 1, 2]}]}'
    ),
    "names that are escaped": Case(
        b'{"\\u0069nputs": [{"name": "x", "shap\\u0065": [1, 3], "datatype": "\\u0046P32", '
        b'"data": [1, 1, 2]}]}'
    ),
    "no inputs": Case(b"{}"),
    "an empty list of inputs": Case(_of()),
    "inputs that are null": Case(b'{"inputs": null}'),
    "inputs that are an object": Case(b'{"inputs": {}}'),
    "inputs that are numbers": Case(b'{"inputs": [1, 2]}'),
    "inputs twice": Case(_of(_tensor("[2, 1, 1]"), inputs=f"[{_tensor()}]")),
    "data twice": Case(
        b'{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", '
        b'"data": [2, 1, 1], "data": [1, 1, 2]}]}'
    ),
    "far too many inputs": Case(_of(*(65 * [_tensor()]))),
    "far too many outputs": _with(outputs="[" + ", ".join(65 * ['{"name": "class"}']) + "]"),
    "a byte order mark": Case(b"\xef\xbb\xbf" + _of(_tensor())),
    "nothing": Case(b""),
    "a list": Case(b"[1]"),
    "text": Case(b'"inputs"'),
    "cut off": Case(_of(_tensor())[:-3]),
    "cut off in the data": Case(_of(_tensor())[:-8]),
    "something behind": Case(_of(_tensor()) + b"{}"),
    "not UTF-8": Case(_of(_tensor(), id='"?"').replace(b"?", b"\xff")),
    "not UTF-8 in what nobody reads": Case(_of(_tensor(), z='"?"').replace(b"?", b"\xff")),
    "half a pair of surrogates": _with(id='"\\ud800"'),
    "a control character": _with(id='"\x01"'),
    "a comment": Case(_of(_tensor()) + b" // odd"),
    # Paths.
    "a version": Case(_of(_tensor()), version="1.0.0"),
    "a version with its letter": Case(_of(_tensor()), version="v1.0.0"),
    "another version": Case(_of(_tensor()), version="9.9.9"),
    "another model": Case(_of(_tensor()), "resnet"),
    # Binary tensors.
    "binary": _binary(_chunk(), _ROW),
    "binary rows": _binary(_chunk(24, shape="[2, 3]"), _TWO_ROWS),
    "binary halves": _binary(_chunk(6, datatype="FP16"), struct.pack("<3e", 1, 1, 2)),
    "binary doubles": _binary(_chunk(24, datatype="FP64"), struct.pack("<3d", 1, 1, 2)),
    "binary bytes": _binary(_chunk(3, datatype="UINT8"), bytes((1, 1, 2))),
    "binary NaN": _binary(_chunk(), struct.pack("<3f", 1, float("nan"), 2)),
    "binary NaN that may be missing": _binary(
        _chunk(16, shape="[1, 2]", datatype="FP64"), struct.pack("<2d", float("nan"), 2), "sums"
    ),
    "binary, too short for its shape": _binary(_chunk(8), _ROW[:8]),
    "binary, shorter than it says": _binary(_chunk(12), _ROW[:8]),
    "binary, longer than it says": _binary(_chunk(8), _ROW),
    "binary, size below zero": _binary(_chunk(-12), _ROW),
    "binary, size is true": _binary(_chunk("true"), _ROW),
    "binary, size is text": _binary(_chunk('"12"'), _ROW),
    "binary, size is null": _binary(_chunk("null"), _ROW),
    "binary, and data as well": _binary(
        _of(_tensor("[2, 1, 1]", parameters='{"binary_data_size": 12}')), _ROW
    ),
    "binary, and nobody wants it": _binary(_of(_tensor()), _ROW),
    "binary of nothing": _binary(_chunk(0, shape="[0, 3]"), b""),
    "a header of all": _binary(_of(_tensor()), b""),
    "a header of nothing": _binary(_of(_tensor()), b"", size="0"),
    "a header that is too long": _binary(_chunk(), _ROW, size="99999"),
    "a header that is no number": _binary(_chunk(), _ROW, size="12x"),
    "a header that cuts the JSON": _binary(_chunk(), _ROW, size="40"),
    "a size without a header": Case(_chunk()),
    "binary words": _mixed_binary(_WORDS),
    "binary words, cut off": _mixed_binary(_WORDS[:-1]),
    "binary words, fewer": _mixed_binary(_WORDS[:7]),
    "binary words, a length beyond": _mixed_binary(b"\xff\xff\xff\xff"),
    "binary words, more": _mixed_binary(_WORDS + bytes(4)),
    "binary words, not UTF-8": _mixed_binary(_WORDS.replace(b"d", b"\xff")),
    "binary, two, one of them too long": _mixed_binary(_WORDS, len(_WORDS) + 1),
    # Binary answers.
    "all outputs binary": _with(parameters='{"binary_data_output": true}'),
    "all outputs binary, but one": _with(
        parameters='{"binary_data_output": true}',
        outputs='[{"name": "probabilities"}, '
        '{"name": "class_id", "parameters": {"binary_data": false}}, {"name": "class"}]',
    ),
    "one output binary": _with(
        outputs='[{"name": "class_id"}, {"name": "class", "parameters": {"binary_data": true}}]'
    ),
    "binary wished for by a number": _with(parameters='{"binary_data_output": 1}'),
    "binary in and out": _binary(
        _of(
            _tensor(None, "[2, 3]", parameters='{"binary_data_size": 24}'),
            parameters='{"binary_data_output": true}',
            id='"b"',
        ),
        _TWO_ROWS,
    ),
    "a wide output binary": Case(
        _of(_tensor("[1, 2]", "[1, 2]", "FP64"), parameters='{"binary_data_output": true}'), "sums"
    ),
    "several outputs binary": Case(
        _mixed().body[:-1] + b', "parameters": {"binary_data_output": true}}', "mixed"
    ),
    "an unknown output, binary": _with(
        outputs='[{"name": "x", "parameters": {"binary_data": true}}]'
    ),
}  # fmt: skip


def golden() -> dict[str, Any]:
    """What each case is answered, by its name."""
    kept: dict[str, Any] = json.loads(GOLDEN.read_text())
    return kept


def main() -> None:
    with tempfile.TemporaryDirectory() as work, server(Path(work)) as running:
        answers = {name: case.asked(running.client) for name, case in CASES.items()}
    lines = (f"{json.dumps(name)}: {json.dumps(said)}" for name, said in answers.items())
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
