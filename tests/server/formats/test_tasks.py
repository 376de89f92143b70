"""Regressions and binary models, in every format, through every API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.server.example_store import publish
from tests.server.running import RunningServer

FEATURES = 6
BINS = [2.0, 4.0]
OUTPUT = {"bins": BINS, "unit": "days"}
YES_NO = ("no", "yes")


@dataclass
class Model:
    """What is served, and what its library says."""

    name: str
    say: Callable[[NDArray[np.float32]], NDArray[Any]]


def training() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    random = np.random.default_rng(3)
    rows = random.uniform(0.0, 2.0, (400, FEATURES)).astype(np.float32)
    return rows, rows[:, 0] * 2 + rows[:, 1] + random.normal(0, 0.05, 400)


def regressions(root: Path) -> list[Model]:
    import skl2onnx
    import xgboost
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import LinearRegression

    rows, values = training()
    more: dict[str, Any] = {"task": "regression", "output_schema": OUTPUT, "features": FEATURES}
    forest = RandomForestRegressor(8, random_state=0).fit(rows, values)
    publish(root, "forest", "1.0.0", ".joblib", lambda path: joblib.dump(forest, path), **more)
    boosted = xgboost.train(
        {"objective": "reg:squarederror", "max_depth": 3}, xgboost.DMatrix(rows, values), 20
    )
    publish(root, "boosted", "1.0.0", ".json", boosted.save_model, **more)
    linear = LinearRegression().fit(rows, values)
    proto = skl2onnx.to_onnx(linear, rows[:1], target_opset=17)
    publish(
        root, "linear", "1.0.0", ".onnx",
        lambda path: path.write_bytes(proto.SerializeToString()), **more
    )  # fmt: skip
    return [
        Model("forest", forest.predict),
        Model("boosted", lambda rows: boosted.predict(xgboost.DMatrix(rows))),
        Model("linear", linear.predict),
    ]


def binaries(root: Path) -> list[Model]:
    import xgboost
    from sklearn.linear_model import LogisticRegression

    rows, values = training()
    classes = (values > 3).astype(int)
    more: dict[str, Any] = {"task": "binary", "labels": YES_NO, "features": FEATURES}
    logistic = LogisticRegression().fit(rows, classes)
    publish(root, "logistic", "1.0.0", ".pkl", lambda path: joblib.dump(logistic, path), **more)
    boosted = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(rows, classes), 20
    )
    publish(root, "binary_boosted", "1.0.0", ".ubj", boosted.save_model, **more)

    def both(rows: NDArray[np.float32]) -> NDArray[Any]:
        yes = boosted.predict(xgboost.DMatrix(rows))
        return np.stack((1 - yes, yes), axis=1)

    return [Model("logistic", logistic.predict_proba), Model("binary_boosted", both)]


@dataclass
class Served:
    server: RunningServer
    regressions: dict[str, Model]
    binaries: dict[str, Model]
    rows: NDArray[np.float32]

    def all_rows(self) -> list[list[float]]:
        return [[float(value) for value in row] for row in self.rows]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, feedback_key_file: str) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("tasks")
    numbers, classes = regressions(root / "store"), binaries(root / "store")
    names = {model.name: "1.0.0" for model in (*numbers, *classes)}
    rows = np.random.default_rng(4).uniform(0, 2, (30, FEATURES)).astype(np.float32)
    settings = {"feedback_key_file": feedback_key_file}
    with RunningServer(root / "store", root, names, **settings) as server:
        yield Served(
            server.until_ready(),
            {model.name: model for model in numbers},
            {model.name: model for model in classes},
            rows,
        )


REGRESSIONS = pytest.mark.parametrize("name", ["forest", "boosted", "linear"])


def bin_of(value: float) -> str:
    return "<2" if value < 2 else "2..4" if value < 4 else ">=4"


@REGRESSIONS
def test_values_bins_and_their_counts(served: Served, name: str) -> None:
    server = served.server
    before = server.metrics()
    expected = served.regressions[name].say(served.rows)
    for row, value in zip(served.all_rows()[:5], expected, strict=False):
        answer = server.predict(row, model=name).json()
        assert answer["prediction"]["value"] == pytest.approx(value, rel=1e-4)
        assert answer["prediction"]["bin"] == bin_of(answer["prediction"]["value"])
        assert set(answer) == {"prediction", "model", "metadata"}
    body = {"features": served.all_rows(), "model": name}
    answer = server.client.post("/api/v1/predict/batch", json=body).json()
    values = [item["value"] for item in answer["predictions"]]
    assert values == pytest.approx(expected.tolist(), rel=1e-4)
    after = server.metrics()
    said = [bin_of(value) for value in values]
    for label in ("<2", "2..4", ">=4"):
        key = ("predicted_class_total",
               frozenset({"model": name, "version": "1.0.0", "class": label}.items()))  # fmt: skip
        weight = said[:5].count(label) + said.count(label) / len(said)  # a batch is one request
        assert after[key] - before[key] == pytest.approx(weight)
    assert len(set(said)) == 3


@REGRESSIONS
def test_v2_describes_and_answers_a_value(served: Served, name: str) -> None:
    client = served.server.client
    about = client.get(f"/v2/models/{name}").json()
    assert about["outputs"] == [{"name": "value", "datatype": "FP32", "shape": [-1]}]
    tensor = {
        "name": "features",
        "shape": list(served.rows.shape),
        "datatype": "FP32",
        "data": served.rows.ravel().tolist(),
    }
    (output,) = client.post(f"/v2/models/{name}/infer", json={"inputs": [tensor]}).json()["outputs"]
    assert (output["name"], output["shape"]) == ("value", [30])
    expected = served.regressions[name].say(served.rows)
    assert output["data"] == pytest.approx(expected.tolist(), rel=1e-4)
    wrong = client.post(
        f"/v2/models/{name}/infer",
        json={"inputs": [tensor], "outputs": [{"name": "probabilities"}]},
    )
    assert "there is no output 'probabilities', only value" in wrong.json()["error"]


def test_info(served: Served) -> None:
    info = served.server.client.get("/api/v1/models/forest/info").json()
    assert (info["bins"], info["unit"]) == (BINS, "days")
    assert info["labels"] == ["<2", "2..4", ">=4"]
    assert info["metadata"]["task"] == "regression"


def test_numbers_are_not_compared_with_classes(served: Served) -> None:
    row = served.all_rows()[0]
    answer = served.server.predict(row, return_all_models=True)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "return_all_models")


def test_feedback_on_a_value(served: Served) -> None:
    """Right is whoever names a number of the same range."""
    row = served.all_rows()[0]
    value = served.server.predict(row, model="forest").json()["prediction"]["value"]

    def tell(label: Any) -> Any:
        said = served.server.predict(row, model="forest").json()["prediction"]
        body = {"label": label, "feedback_token": said["feedback_token"]}
        return served.server.client.post("/api/v1/feedback", json=body)

    for label in (value, -1e9, 1.999, 2, 2.0, 3.999, 4.0, 1e9):
        same = np.digitize(label, BINS) == np.digitize(value, BINS)
        assert tell(label).json()["outcome"] == ("correct" if same else "wrong"), label
    assert tell("2..4").status_code == 422


@pytest.mark.parametrize("name", ["logistic", "binary_boosted"])
def test_binary(served: Served, name: str) -> None:
    expected = served.binaries[name].say(served.rows)
    body = {"features": served.all_rows(), "model": name}
    answer = served.server.client.post("/api/v1/predict/batch", json=body).json()
    got = np.array([list(item["probabilities"].values()) for item in answer["predictions"]])
    assert got == pytest.approx(expected, abs=1e-5)
    assert [item["class"] for item in answer["predictions"]] == [
        YES_NO[index] for index in expected.argmax(axis=1)
    ]
    (probabilities, _, _) = served.server.client.get(f"/v2/models/{name}").json()["outputs"]
    assert probabilities["shape"] == [-1, 2]


def test_a_regression_without_bins_is_served_and_not_judged(
    tmp_path: Path, feedback_key_file: str
) -> None:
    from sklearn.linear_model import LinearRegression

    rows, values = training()
    linear = LinearRegression().fit(rows, values)
    publish(
        tmp_path / "store", "plain", "1.0.0", ".pkl", lambda path: joblib.dump(linear, path),
        features=FEATURES, task="regression", output_schema={},
    )  # fmt: skip
    settings = {"feedback_key_file": feedback_key_file}
    with RunningServer(tmp_path / "store", tmp_path, {"plain": "1.0.0"}, **settings) as server:
        server.until_ready()
        answer = server.predict([1.0] * FEATURES).json()
        assert set(answer["prediction"]) == {"value"}
        assert server.metric("predictions_total", model="plain", version="1.0.0",
                             status="success") == 1  # fmt: skip
        assert not [name for name, _ in server.metrics() if name == "predicted_class_total"]
