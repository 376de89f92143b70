"""Files that are more than one, or of another age: weights beside the model, Keras 2, folders of
MLflow, a booster in a pickle.
"""

from collections.abc import Callable
from pathlib import Path

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


def test_a_booster_in_a_pickle_is_xgboosts(tmp_path: Path) -> None:
    import xgboost

    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(ROWS, KINDS), 4)
    directory = publish(tmp_path, "m", "1.0.0", ".pkl", lambda path: joblib.dump(booster, path),
                        features=4, labels=YES_NO)  # fmt: skip
    rows = ROWS.astype(np.float32)
    got = formats.load(verify_version(directory), tmp_path / "work").predict(rows)
    assert got[:, 1] == pytest.approx(booster.predict(xgboost.DMatrix(rows)), abs=1e-6)
