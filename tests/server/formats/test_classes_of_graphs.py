"""Whose each answer of an ONNX classifier is, where only the graph tells: by labels of any width,
by names for numbers, and never by a guess.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.server.example_store import publish
from transit_models.integrity import verify_version
from transit_server import formats
from transit_server.formats import Loaded

ROWS = np.random.default_rng(2).normal(size=(60, 4)).astype(np.float32)
WEIGHTS = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
SHARES = (
    helper.make_node("MatMul", ["rows", "weights"], ["scores"]),
    helper.make_node("Softmax", ["scores"], ["shares"]),
    helper.make_node("ArgMax", ["shares"], ["place"], axis=1, keepdims=0),
)
BACKWARDS = helper.make_node("Sub", ["last", "place"], ["backwards"])
OF_SHARES = ("shares", TensorProto.FLOAT, ["n", 3])


def loaded(root: Path, nodes: Any, *outputs: Any, shape: Any = ("n", 4), **more: Any) -> Loaded:
    constants = {"weights": WEIGHTS, "last": np.int64(2), "one": np.int64(1)}
    made = helper.make_graph(
        [*SHARES, *nodes],
        "graph",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(*output) for output in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(made, opset_imports=opsets, ir_version=8)
    directory = publish(root / "store", "m", "1.0.0", ".onnx",
                        lambda path: path.write_bytes(proto.SerializeToString()),
                        features=4, probe=ROWS, **more)  # fmt: skip
    return formats.load(verify_version(directory), root / "work")


def softmax(scores: Any) -> Any:
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)


SAID = softmax(ROWS @ WEIGHTS)


@pytest.mark.parametrize("kind", [TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8])
def test_labels_of_any_width_say_whose_each_column_is(tmp_path: Path, kind: int) -> None:
    """They count the columns backwards."""
    cast = helper.make_node("Cast", ["backwards"], ["label"], to=kind)
    model = loaded(tmp_path, [BACKWARDS, cast], ("label", kind, ["n"]), OF_SHARES,
                   labels=("0", "1", "2"))  # fmt: skip
    assert model.predict(ROWS) == pytest.approx(SAID[:, ::-1], abs=1e-6)


NAMES = helper.make_node(
    "LabelEncoder", ["place"], ["name"], domain="ai.onnx.ml",
    keys_int64s=[0, 1, 2], values_strings=["c", "a", "b"],
)  # fmt: skip


@pytest.mark.parametrize("task", ["classification", "label"])
def test_names_for_numbers_are_read(tmp_path: Path, task: str) -> None:
    outputs = [("name", TensorProto.STRING, ["n"])]
    model = loaded(tmp_path, [NAMES], *outputs, *([OF_SHARES] if task == "classification" else []),
                   labels=("a", "b", "c"), task=task)  # fmt: skip
    expected = SAID[:, [1, 2, 0]]
    if task == "label":
        assert model.predict(ROWS).argmax(axis=1).tolist() == expected.argmax(axis=1).tolist()
    else:
        assert model.predict(ROWS) == pytest.approx(expected, abs=1e-6)


COUNTED = helper.make_node("Add", ["place", "one"], ["label"])
LABEL = ("label", TensorProto.INT64, ["n"])


def test_a_class_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        formats.UnsupportedModel, match=r"the class '3', which is none .*--model-classes"
    ):
        loaded(tmp_path, [COUNTED], LABEL, labels=("a", "b", "c"), task="label")


def test_which_are_known_when_they_are_said(tmp_path: Path) -> None:
    outputs = {"classes": 3, "labels": ["a", "b", "c"], "model_classes": [1, 2, 3]}
    model = loaded(tmp_path, [COUNTED], LABEL, task="label", output_schema=outputs)
    assert model.predict(ROWS).argmax(axis=1).tolist() == SAID.argmax(axis=1).tolist()


def test_a_graph_that_states_no_shape_takes_what_the_metadata_say(tmp_path: Path) -> None:
    output = ("shares", TensorProto.FLOAT, None)
    model = loaded(tmp_path, [], output, shape=None, labels=("a", "b", "c"))
    assert model.predict(ROWS) == pytest.approx(SAID, abs=1e-6)


def test_what_is_too_large_for_16_bits_is_an_error_and_not_infinite(tmp_path: Path) -> None:
    made = helper.make_graph(
        [helper.make_node("Softmax", ["rows"], ["shares"])],
        "graph",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT16, ["n", 2])],
        [helper.make_tensor_value_info("shares", TensorProto.FLOAT16, ["n", 2])],
    )
    proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    directory = publish(tmp_path / "store", "m", "1.0.0", ".onnx",
                        lambda path: path.write_bytes(proto.SerializeToString()),
                        features=2, labels=("a", "b"))  # fmt: skip
    model = formats.load(verify_version(directory), tmp_path / "work")
    assert model.predict(np.zeros((1, 2), np.float32))[0].tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="float16, and a number is too large"):
        model.predict(np.array([[-1e6, 0.0]], np.float32))
