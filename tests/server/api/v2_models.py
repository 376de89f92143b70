"""The models that odd bodies of the v2 protocol are for, and a server that has them.

They are ONNX of a few nodes whose answers are exact, so that what is answered depends on no
library. Neighbour: `v2_cases` has the bodies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.server.example_store import publish
from tests.server.running import RunningServer

MODELS = {"shares": "1.0.0", "sums": "1.0.0", "mixed": "1.0.0", "columns": "1.0.0"}
_FLOAT, _DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE
_INT64, _STRING = TensorProto.INT64, TensorProto.STRING


@contextmanager
def server(work: Path) -> Iterator[RunningServer]:
    """One that serves the models of the cases."""
    _store(work / "store")
    with RunningServer(work / "store", work, MODELS, max_batch_rows="4000") as running:
        yield running.until_ready()


def _store(store: Path) -> None:
    def onnx(nodes: Any, inputs: Any, outputs: Any, constants: Any = ()) -> Any:
        made = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(*one) for one in inputs],
            [helper.make_tensor_value_info(*one) for one in outputs],
            [numpy_helper.from_array(value, name) for name, value in constants],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        proto = helper.make_model(made, opset_imports=opsets, ir_version=8)
        return lambda path: path.write_bytes(proto.SerializeToString())

    node = helper.make_node
    # Each number's share of the row's sum; the first two may also be given as columns.
    shares = onnx(
        [node("ReduceSum", ["x", "axes"], ["sum"]), node("Div", ["x", "sum"], ["shares"])],
        [("x", _FLOAT, [None, 3])],
        [("shares", _FLOAT, [None, 3])],
        [("axes", np.array([1]))],
    )
    labels = ("a", "b", "c")
    publish(store, "shares", "1.0.0", ".onnx", shares, features=3, labels=labels)
    named = {"features": 3, "dtype": "float32", "names": ["low", "middle", "high"]}
    publish(store, "columns", "1.0.0", ".onnx", shares, labels=labels, input_schema=named)
    # The row's sum, in 64 bits; what is missing counts for nothing.
    sums = onnx(
        [
            node("IsNaN", ["x"], ["gaps"]),
            node("Where", ["gaps", "zero", "x"], ["whole"]),
            node("ReduceSum", ["whole", "axes"], ["sum"]),
        ],
        [("x", _DOUBLE, [None, 2])],
        [("sum", _DOUBLE, [None, 1])],
        [("axes", np.array([1])), ("zero", np.array(0.0))],
    )
    lenient = {"features": 2, "dtype": "float64", "missing": True}
    publish(store, "sums", "1.0.0", ".onnx", sums, task="regression", input_schema=lenient,
            output_schema={})  # fmt: skip
    # A pair of numbers times a count, plus a number for each word; and the count as it is.
    mixed = onnx(
        [
            node("Cast", ["count"], ["times"], to=_FLOAT),
            node("Mul", ["pair", "times"], ["product"]),
            node("LabelEncoder", ["kind"], ["number"], domain="ai.onnx.ml",
                 keys_strings=["red", "blue"], values_floats=[0.5, 0.25]),
            node("Add", ["product", "number"], ["out"]),
            node("Identity", ["times"], ["same"]),
        ],
        [("pair", _FLOAT, [None, 2]), ("count", _INT64, [None, 1]), ("kind", _STRING, [None, 1])],
        [("out", _FLOAT, [None, 2]), ("same", _FLOAT, [None, 1])],
    )  # fmt: skip
    inputs = [
        {"name": "pair", "dtype": "float32", "shape": [1, 2]},
        {"name": "count", "dtype": "int64"},
        {"name": "kind", "dtype": "string", "categories": ["red", "blue"]},
    ]
    publish(store, "mixed", "1.0.0", ".onnx", mixed, features=4, task="tensors",
            output_schema={}, inputs=inputs)  # fmt: skip
