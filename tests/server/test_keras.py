"""Keras models, in both files; TensorFlow only comes in when one is served."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server.example_store import Data, network, publish
from tests.server.running import RunningServer


@pytest.fixture(scope="module")
def model() -> Any:
    return network()


@pytest.fixture(scope="module")
def server(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    work = tmp_path_factory.mktemp("keras")
    publish(work / "store", "cnn", "1.0.0", ".keras", model.save)
    publish(work / "store", "old_cnn", "1.0.0", ".h5", model.save)
    models = {"cnn": "1.0.0", "old_cnn": "1.0.0"}
    with RunningServer(work / "store", work, models) as server:
        yield server.until_ready()


@pytest.mark.parametrize("name", ["cnn", "old_cnn"])
def test_answers_are_those_of_keras(
    server: RunningServer, model: Any, data: Data, name: str
) -> None:
    expected = model.predict(data.rows[..., None], verbose=0)
    body = {"features": data.rows.astype(float).tolist(), "model": name}
    answer = server.client.post("/api/v1/predict/batch", json=body).json()
    got = np.array([list(item["probabilities"].values()) for item in answer["predictions"]])
    assert got == pytest.approx(expected, abs=1e-4)
    assert server.client.get(f"/api/v1/models/{name}/info").json()["engine"] == "tensorflow"


def loaded_libraries(server: RunningServer) -> str:
    return Path(f"/proc/{server.process.pid}/maps").read_text()


def test_tensorflow_is_there_only_for_keras(server: RunningServer, trees: RunningServer) -> None:
    assert "tensorflow" in loaded_libraries(server)
    assert "tensorflow" not in loaded_libraries(trees)
