"""Models that are no one matrix in, one answer out; and files that are more than one, or of another
age. Through the real server where a client sees the difference.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.server.example_store import publish
from tests.server.running import RunningServer
from transit_models.integrity import verify_version, version_in
from transit_server import formats
from transit_server.formats import opening, whole
from transit_server.formats.estimators.walk import nested

ROWS = np.random.default_rng(0).normal(size=(120, 4))
KINDS = (ROWS[:, 0] > 0).astype(int)
YES_NO = ("no", "yes")


def graph(location: str | None, folder: Path) -> onnx.ModelProto:
    """softmax(rows @ weights), the weights in a file beside it."""
    weights = numpy_helper.from_array(np.eye(4, 2, dtype=np.float32), "weights")
    if location is not None:
        (folder / "weights.bin").write_bytes(weights.raw_data)
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=location)
    nodes = [
        helper.make_node("MatMul", ["rows", "weights"], ["sum"]),
        helper.make_node("Softmax", ["sum"], ["scores"]),
    ]
    return helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 4])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2])],
            [weights],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def with_data(location: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(graph(location, path.parent).SerializeToString())


def test_onnx_with_its_weights_beside_it(tmp_path: Path) -> None:
    directory = publish(tmp_path, "m", "1.0.0", ".onnx", with_data("weights.bin"),
                        features=4, labels=YES_NO)  # fmt: skip
    got = formats.load(verify_version(directory), tmp_path / "work").predict(
        ROWS.astype(np.float32)
    )
    powers = np.exp(ROWS[:, :2])
    assert got == pytest.approx(powers / powers.sum(axis=1, keepdims=True), abs=1e-5)


@pytest.mark.parametrize("location", ["../outside.bin", "/etc/hostname"])
def test_weights_from_outside_are_refused(
    tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = publish(tmp_path, "m", "1.0.0", ".onnx", with_data(location),
                        features=4, labels=YES_NO)  # fmt: skip
    (directory.parent / "outside.bin").write_bytes(np.ones((4, 2), np.float32).tobytes())
    monkeypatch.chdir(directory)
    with pytest.raises(Exception, match=r"outside|external|escape|directory"):
        formats.load(version_in(directory), tmp_path / "work")


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


def test_keras_2_is_known_by_its_bytes_and_served_as_onnx(tmp_path: Path) -> None:
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = [
        tf_keras.layers.Input((8, 8, 1)),
        tf_keras.layers.DepthwiseConv2D(3, depth_multiplier=4, activation="relu"),
        tf_keras.layers.GlobalAveragePooling2D(),
        tf_keras.layers.Dense(2, activation="softmax"),
    ]
    model = tf_keras.Sequential(layers)
    rows = np.random.default_rng(0).normal(size=(10, 64)).astype(np.float32)
    expected = model.predict(rows.reshape(-1, 8, 8, 1), verbose=0)

    def save(path: Path) -> None:
        model.save(str(path.with_suffix(".h5")))
        path.with_suffix(".h5").rename(path)

    for number, ending in enumerate((".h5", ".keras")):
        directory = publish(tmp_path, f"m{number}", "1.0.0", ending, save, features=64,
                            labels=YES_NO)  # fmt: skip
        loaded = formats.load(verify_version(directory), tmp_path / "work")
        assert loaded.engine == "onnxruntime"
        assert loaded.predict(rows) == pytest.approx(expected, abs=1e-5)


def test_code_in_a_file_of_keras_2_is_not_run(tmp_path: Path) -> None:
    """Keras 3 refuses a Lambda by itself; Keras 2 did so in its own archives only."""
    import tf_keras

    trace = tmp_path / "trace"
    traced = f"lambda x: (open({str(trace)!r}, 'w').close(), x)[1]"
    layers = [
        tf_keras.layers.Input((4,)),
        tf_keras.layers.Lambda(eval(traced)),
        tf_keras.layers.Dense(2, activation="softmax"),
    ]
    directory = publish(tmp_path, "m", "1.0.0", ".h5", tf_keras.Sequential(layers).save,
                        features=4, labels=YES_NO)  # fmt: skip
    trace.unlink()
    with pytest.raises(formats.UnsupportedModel, match="Lambda"):
        opening.original(whole.begin(verify_version(directory)).source)
    assert not trace.exists()


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


def test_mlflows_folders(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, np.array(YES_NO)[KINDS])
    text = """
flavors:
  python_function: {loader_module: mlflow.sklearn, model_path: model.pkl}
  sklearn: {pickled_model: model.pkl, sklearn_version: 1.5.0, serialization_format: cloudpickle}
signature:
  inputs: '[{"type": "double", "name": "a"}, {"type": "double", "name": "b"},
    {"type": "double", "name": "c"}, {"type": "double", "name": "d"}]'
  outputs: null
"""
    folder = tmp_path / "mlruns"
    folder.mkdir()
    (folder / "MLmodel").write_text(text)
    joblib.dump(model, folder / "model.pkl")
    from transit_models.cli import main

    assert main(["pack", str(folder), str(tmp_path / "store"), "m@1.0.0"]) == 0
    with RunningServer(tmp_path / "store", tmp_path, {"m": "1.0.0"}) as server:
        client = server.until_ready().client
        row = dict(zip("dcba", ROWS[0, ::-1].tolist(), strict=True))
        said = client.post("/api/v1/predict", json={"features": row}).json()
    expected = model.predict_proba(ROWS[:1])[0]
    got = said["prediction"]["probabilities"]
    assert [got[label] for label in YES_NO] == pytest.approx(expected.tolist(), abs=1e-6)


_STARTS = """
import sys, threading
from pathlib import Path
from transit_models.integrity import version_in
from transit_server.formats import opening, whole
failed = []
def load(path):
    try:
        opening.original(whole.begin(version_in(Path(path))).source)
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=load, args=(path,)) for path in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("; ".join(failed) or 0)
"""


_COUNT = int(os.environ.get("TEST_STARTS", "5"))


@pytest.mark.timeout(60 + 30 * _COUNT)
def test_models_of_one_library_start_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their imports used to race, and one start in some failed. TEST_STARTS=100 asks for more, and
    tells how far it is.
    """
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=2).fit(ROWS, KINDS)
    paths = [
        publish(tmp_path, "a", "1.0.0", ".json", model.save_model, features=4, labels=YES_NO),
        publish(tmp_path, "b", "1.0.0", ".pkl", lambda p: joblib.dump(model, p), features=4,
                labels=YES_NO),
        publish(tmp_path, "c", "1.0.0", ".ubj", model.save_model, features=4, labels=YES_NO),
    ]  # fmt: skip
    begun = time.monotonic()
    for number in range(1, _COUNT + 1):
        command = [sys.executable, "-c", _STARTS, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"start {number} of {_COUNT}: {done.stderr}"
        if number % 10 == 0:
            with capsys.disabled():
                print(f"{number} of {_COUNT} starts, {time.monotonic() - begun:.0f} s", flush=True)


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


def test_a_booster_in_a_pickle_is_xgboosts(tmp_path: Path) -> None:
    import xgboost

    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(ROWS, KINDS), 4)
    directory = publish(tmp_path, "m", "1.0.0", ".pkl", lambda path: joblib.dump(booster, path),
                        features=4, labels=YES_NO)  # fmt: skip
    rows = ROWS.astype(np.float32)
    got = formats.load(verify_version(directory), tmp_path / "work").predict(rows)
    assert got[:, 1] == pytest.approx(booster.predict(xgboost.DMatrix(rows)), abs=1e-6)
