"""One store and a few servers for all tests; models are trained once, small, with fixed seeds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from tests.once import Once
from tests.server import bad_models
from tests.server.example_store import Data, boosted, forest, publish, sample, to_onnx
from tests.server.running import FEEDBACK_KEY, RunningServer


class Truth:
    """What the original libraries say, for every model of the store."""

    def __init__(self, forest_model: Any, boosted_model: Any) -> None:
        self.forest_model = forest_model
        self.boosted_model = boosted_model

    def random_forest(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.asarray(self.forest_model.predict_proba(rows))

    def xgboost(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import xgboost

        return np.asarray(self.boosted_model.predict(xgboost.DMatrix(rows)))


@pytest.fixture(scope="session")
def store(once: Once) -> Path:
    """All models, good and bad. The workers of a run share one store."""
    root = once.folder / "store"
    once("store", lambda: fill(root))
    return root


@pytest.fixture(scope="session")
def trained(store: Path) -> Truth:
    """The originals of the store's good models."""
    import xgboost

    boosted_model = xgboost.Booster(model_file=store / "xgboost" / "v1.0.0" / "model.json")
    return Truth(joblib.load(store / "random_forest" / "v1.0.0" / "model.pkl"), boosted_model)


@pytest.fixture(scope="session")
def truth(trained: Truth) -> Truth:
    return trained


@pytest.fixture(scope="session")
def data() -> Data:
    return sample(64, seed=7)


def fill(root: Path) -> None:
    """Train what can be trained and publish every model of the tests."""
    forest_model, boosted_model = forest(40), boosted(20)
    onnx = to_onnx(forest_model)

    def dump(path: Path) -> None:
        joblib.dump(forest_model, path)

    def converted(path: Path) -> None:
        path.write_bytes(onnx)

    publish(root, "random_forest", "1.0.0", ".pkl", dump)
    publish(root, "random_forest", "1.1.0", ".joblib", dump)
    publish(root, "xgboost", "1.0.0", ".json", boosted_model.save_model)
    publish(root, "xgboost", "1.1.0", ".ubj", boosted_model.save_model)
    for name, step in {
        "raises": bad_models.RaisesOnMarked(),
        "shifts": bad_models.ShiftsInPlace(),
        "sleeps": bad_models.Sleeps(0.4),
        "hangs": bad_models.HangsOnMarked(),
        "slow": bad_models.SleepsPerRow(0.02),
        "leaks": bad_models.LeaksOnMarked(),
        "computes": bad_models.Computes(0.3),
        "dies": bad_models.DiesOnMarked(),
        "broken": bad_models.RaisesOnLoad(),
        "killer": bad_models.KillsOnLoad(),
        "batchy": bad_models.DependsOnBatch(),
        "faulty": bad_models.FailsOnDemand(),
    }.items():
        publish(root, name, "1.0.0", ".onnx", converted, step)
    publish(
        root, "bad_pickle", "1.0.0", ".pkl", lambda p: joblib.dump(bad_models.RaisesOnLoad(), p)
    )
    publish(
        root, "fatal_pickle", "1.0.0", ".pkl", lambda p: joblib.dump(bad_models.KillsOnLoad(), p)
    )


@pytest.fixture(scope="session")
def feedback_key_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The key by which the servers of a ModelDeployment sign their answers."""
    path = tmp_path_factory.mktemp("feedback") / "key"
    path.write_bytes(FEEDBACK_KEY)
    return str(path)


@pytest.fixture(scope="session")
def trees(
    store: Path, tmp_path_factory: pytest.TempPathFactory, feedback_key_file: str
) -> Iterator[RunningServer]:
    """A forest and boosted trees, with the ensemble for `auto`."""
    models = {"random_forest": "1.0.0", "xgboost": "1.0.0"}
    work = tmp_path_factory.mktemp("trees")
    with RunningServer(
        store,
        work,
        models,
        default_model="ensemble",
        max_body="2Mi",
        max_batch_rows="200",
        feedback_key_file=feedback_key_file,
    ) as server:
        yield server.until_ready()
