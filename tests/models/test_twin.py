"""ONNX twins of Keras models: written when a model is packed, checked against it, and not without
saying why.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transit_models import InvalidMetadata, verify_version
from transit_models.cli import main
from transit_models.packing.twin import read_twin_scores, write_twin

pytestmark = pytest.mark.timeout(120)
FEATURES = 12


@pytest.fixture(scope="module")
def network() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((FEATURES, 1)),
            layers.Conv1D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )


@pytest.fixture
def directory(network: Any, tmp_path: Path) -> Path:
    network.save(tmp_path / "model.keras")
    rows = np.random.default_rng(4).normal(1, 0.1, (5, FEATURES)).astype(np.float32)
    np.save(tmp_path / "probe.npy", rows)
    return tmp_path


def test_packed_with_a_twin(network: Any, directory: Path) -> None:
    store = directory / "store"
    arguments = [str(directory / "model.keras"), str(store), "net@1.0.0", "--labels", "no,yes"]
    probe = ["--features", str(FEATURES), "--probe", str(directory / "probe.npy")]
    assert main(["pack", *arguments, *probe, "--twin"]) == 0
    verified = verify_version(store / "net/v1.0.0", "net", "1.0.0")
    assert verified.model_file.name == "model.keras"
    known = read_twin_scores(verified.directory)
    expected = network.predict(known.rows.reshape(-1, FEATURES, 1), verbose=0)
    assert known.scores == pytest.approx(expected, abs=1e-6)
    import onnxruntime

    session = onnxruntime.InferenceSession(verified.directory / "model.onnx")
    feed = {session.get_inputs()[0].name: known.rows.reshape(-1, FEATURES, 1)}
    assert session.run(None, feed)[0] == pytest.approx(expected, abs=1e-5)


def test_without_the_converter_it_says_what_to_install(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transit_models.packing.twin.find_spec", lambda _: None)
    with pytest.raises(InvalidMetadata, match="pip install tf2onnx"):
        write_twin(directory)


def test_without_probe_rows_there_is_no_twin(directory: Path) -> None:
    (directory / "probe.npy").unlink()
    with pytest.raises(InvalidMetadata, match="--probe"):
        write_twin(directory)
    assert not (directory / "model.onnx").exists()
