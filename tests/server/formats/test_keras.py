"""Keras models, in both files; TensorFlow only comes in when one is served that is not compiled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server.example_store import FEATURES, Data, network, publish
from tests.server.running import RunningServer
from transit_models.integrity import version_in
from transit_models.packing.twin import can_convert
from transit_models.schema import Input
from transit_server import formats
from transit_server.formats import Source, opening, whole
from transit_server.formats.compile import compile_in_child


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
    engine = "onnxruntime" if can_convert() else "tensorflow"
    assert server.client.get(f"/api/v1/models/{name}/info").json()["engine"] == engine


def loaded_libraries(server: RunningServer) -> str:
    return Path(f"/proc/{server.process.pid}/maps").read_text()


def test_tensorflow_is_there_only_where_it_serves(
    server: RunningServer, trees: RunningServer
) -> None:
    assert ("tensorflow" in loaded_libraries(server)) != can_convert()
    assert "tensorflow" not in loaded_libraries(trees)


def test_what_is_not_compiled_is_traced(model: Any, data: Data, tmp_path: Path) -> None:
    directory = publish(tmp_path, "cnn", "1.0.0", ".keras", model.save)
    version = version_in(directory)
    row = Input("features", "float32", (FEATURES,))
    engine = opening.original(Source(version.model_file, version, row, data.rows))
    assert (engine.name, engine.note.split(",")[0]) == ("tensorflow", "traced")
    expected = model.predict(data.rows[..., None], verbose=0)
    assert engine.run(data.rows) == pytest.approx(expected, abs=1e-4)


def test_where_converting_takes_too_much_memory_the_original_serves(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = publish(tmp_path, "cnn", "1.0.0", ".keras", model.save)

    def killed(*_: object) -> None:
        raise compile_in_child.Died("loading it ended the process that tried: SIGKILL")

    monkeypatch.setattr(whole, "find_spec", lambda _: True)
    monkeypatch.setattr(compile_in_child, "compile_in_child", killed)
    engine = formats.load(version_in(directory), tmp_path)
    assert engine.engine == "tensorflow"
    assert "SIGKILL" in engine.note
    pickled = publish(tmp_path, "pickled", "1.0.0", ".pkl", lambda path: path.write_bytes(b"N."))
    with pytest.raises(formats.UnsupportedModel, match="SIGKILL"):
        formats.load(version_in(pickled), tmp_path)
