"""Models that are no one matrix in, one answer out. Through the real server where a client sees the
difference.

Neighbour: `test_unusual_files` has files that are more than one, or of another age.
"""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.server.example_store import publish
from tests.server.running import RunningServer
from transit_models.integrity import verify_version
from transit_server import formats
from transit_server.formats import opening, whole
from transit_server.formats.estimators.walk import nested

ROWS = np.random.default_rng(0).normal(size=(120, 4))
KINDS = (ROWS[:, 0] > 0).astype(int)
YES_NO = ("no", "yes")


def two_and_two() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Add", ["left", "right"], ["sum"]),
        helper.make_node("Sub", ["left", "right"], ["difference"]),
    ]
    pair = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 3])
        for n in ("left", "right", "sum", "difference")
    ]
    made = helper.make_graph(nodes, "g", pair[:2], pair[2:])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def keras_two_inputs() -> Any:
    from tensorflow import keras

    keras.utils.set_random_seed(0)
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    return keras.Model([left, right], keras.layers.Dense(1, name="out")(joined))


def test_several_inputs_and_outputs_are_v2s(tmp_path: Path) -> None:
    inputs = [
        {"name": "left", "dtype": "float32", "shape": [1, 3]},
        {"name": "right", "dtype": "float32", "shape": [1, 3]},
    ]
    publish(tmp_path / "store", "pairs", "1.0.0", ".onnx",
            lambda path: path.write_bytes(two_and_two().SerializeToString()),
            features=6, task="tensors", output_schema={}, inputs=inputs)  # fmt: skip
    model = keras_two_inputs()
    publish(tmp_path / "store", "joined", "1.0.0", ".keras", model.save,
            features=5, task="regression", output_schema={})  # fmt: skip
    rows = np.arange(12, dtype=np.float32).reshape(2, 6)
    left, right = rows[:, :3], rows[:, 3:]

    def tensor(name: str, values: Any) -> dict[str, Any]:
        return {"name": name, "datatype": "FP32", "shape": list(values.shape),
                "data": values.ravel().tolist()}  # fmt: skip

    models = {"pairs": "1.0.0", "joined": "1.0.0"}
    with RunningServer(tmp_path / "store", tmp_path, models) as server:
        client = server.until_ready().client
        about = client.get("/v2/models/pairs").json()
        assert [item["shape"] for item in about["inputs"]] == [[-1, 3], [-1, 3]]
        body = {"inputs": [tensor("right", right), tensor("left", left)]}
        outputs = client.post("/v2/models/pairs/infer", json=body).json()["outputs"]
        said = {item["name"]: np.reshape(item["data"], item["shape"]) for item in outputs}
        assert said["sum"].tolist() == (left + right).tolist()
        assert said["difference"].tolist() == (left - right).tolist()
        body = {"inputs": [tensor("right", right[:, :2]), tensor("left", left)]}
        (value,) = client.post("/v2/models/joined/infer", json=body).json()["outputs"]
        expected = model.predict([left, right[:, :2]], verbose=0).ravel()
        assert value["data"] == pytest.approx(expected.tolist(), rel=1e-5)
        refused = server.predict([1.0] * 5, model="joined")
        assert refused.status_code == 422
        assert "/v2/models/joined/infer" in refused.json()["error"]["message"]


def shares_and_size(total: float) -> onnx.ModelProto:
    """Of each row, the probabilities of two classes that add up to `total`, and a number."""
    nodes = [
        helper.make_node("Softmax", ["rows"], ["even"]),
        helper.make_node("Mul", ["even", "total"], ["kind"]),
        helper.make_node("ReduceSum", ["rows"], ["size"], axes=[1]),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor_value_info("kind", TensorProto.FLOAT, [None, 2]),
            helper.make_tensor_value_info("size", TensorProto.FLOAT, [None, 1]),
        ],
        [numpy_helper.from_array(np.float32(total), "total")],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)


@pytest.mark.parametrize("total", [1.0, 1.2])
def test_one_of_several_outputs_that_has_labels_is_of_probabilities(
    tmp_path: Path, total: float
) -> None:
    directory = publish(
        tmp_path, "m", "1.0.0", ".onnx",
        lambda path: path.write_bytes(shares_and_size(total).SerializeToString()),
        features=2, task="tensors", output_schema={},
        outputs=[{"name": "kind", "labels": ["a", "b"]}, {"name": "size"}],
    )  # fmt: skip
    loaded = formats.load(verify_version(directory), tmp_path / "work")
    if total == 1.0:
        assert loaded.predict(loaded.probes).shape == (len(loaded.probes), 3)
    else:
        with pytest.raises(ValueError, match="of its output kind, answers are no probabilities"):
            loaded.predict(loaded.probes)


def test_every_nested_estimator_uses_as_many_threads_as_it_is_told(tmp_path: Path) -> None:
    from sklearn.ensemble import RandomForestClassifier, VotingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    voting = VotingClassifier(
        [("f", RandomForestClassifier(3, n_jobs=-1))], voting="soft", n_jobs=-1
    )
    model = make_pipeline(StandardScaler(), voting).fit(ROWS, KINDS)
    directory = publish(tmp_path, "m", "1.0.0", ".pkl", lambda path: joblib.dump(model, path),
                        features=4, labels=YES_NO)  # fmt: skip
    source = whole.begin(verify_version(directory), threads=2).source
    engine = opening.original(source)
    jobs = [one.n_jobs for one in nested(engine.native) if hasattr(one, "n_jobs")]
    assert len(jobs) >= 3
    assert set(jobs) == {2}


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["ids"], ["floats"], to=TensorProto.DOUBLE),
        helper.make_node("ReduceSum", ["floats"], ["sum"], keepdims=1),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [None, 2])],
        [helper.make_tensor_value_info("sum", TensorProto.DOUBLE, [None, 1])],
    )
    made.node[1].input.append("axes")
    made.initializer.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"))
    proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    publish(tmp_path / "store", "ids", "1.0.0", ".onnx",
            lambda path: path.write_bytes(proto.SerializeToString()),
            features=2, task="regression", output_schema={})  # fmt: skip
    with RunningServer(tmp_path / "store", tmp_path, {"ids": "1.0.0"}) as server:
        server.until_ready()
        answer = server.predict([123456789, 1]).json()
        assert answer["prediction"]["value"] == 123456790
        refused = server.predict([0.5, 1])
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, "features[0]")


def softmax_of(shape: list[Any], axes: str) -> onnx.ModelProto:
    nodes = [helper.make_node("Softmax", ["x"], ["y"])]
    if axes:
        nodes = [
            helper.make_node("GlobalAveragePool", ["x"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Softmax", ["f"], ["y"]),
        ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], shape[1]])],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def softmax(values: Any) -> Any:
    powers = np.exp(values)
    return powers / powers.sum(axis=1, keepdims=True)


def test_a_batch_of_one_is_asked_row_by_row(tmp_path: Path) -> None:
    proto = softmax_of([1, 4], "")
    directory = publish(tmp_path, "m", "1.0.0", ".onnx",
                        lambda path: path.write_bytes(proto.SerializeToString()),
                        features=4, labels=("a", "b", "c", "d"))  # fmt: skip
    rows = ROWS[:7].astype(np.float32)
    got = formats.load(verify_version(directory), tmp_path / "work").predict(rows)
    assert got == pytest.approx(softmax(rows), abs=1e-6)


@pytest.mark.parametrize("stated", [True, False])
def test_open_axes_of_onnx_are_as_the_metadata_state_them(tmp_path: Path, stated: bool) -> None:
    proto = softmax_of(["n", 3, "H", "W"], "HW")
    schema: dict[str, Any] = {"features": 72, "dtype": "float32"}
    if stated:
        schema["shape"] = [1, 3, 4, 6]
    directory = publish(tmp_path, "m", "1.0.0", ".onnx",
                        lambda path: path.write_bytes(proto.SerializeToString()),
                        labels=("a", "b", "c"), input_schema=schema)  # fmt: skip
    if not stated:
        with pytest.raises(formats.UnsupportedModel, match="state the whole shape"):
            formats.load(verify_version(directory), tmp_path / "work")
        return
    rows = np.random.default_rng(1).normal(size=(5, 72)).astype(np.float32)
    got = formats.load(verify_version(directory), tmp_path / "work").predict(rows)
    assert got == pytest.approx(softmax(rows.reshape(5, 3, -1).mean(axis=2)), abs=1e-6)


def test_tokens_of_a_text_model(tmp_path: Path) -> None:
    from tensorflow import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6,), dtype="int32"),
            layers.Embedding(50, 4),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    directory = publish(tmp_path, "m", "1.0.0", ".keras", model.save, features=6, labels=YES_NO)
    loaded = formats.load(verify_version(directory), tmp_path / "work")
    tokens = np.random.default_rng(0).integers(0, 50, (9, 6)).astype(np.int32)
    assert loaded.inputs.row_dtype == np.int32
    assert loaded.predict(tokens) == pytest.approx(model.predict(tokens, verbose=0), abs=1e-5)
