"""On which device a model runs is said as it is, and TensorFloat-32 waits for the comparisons.

There is no GPU here: what is said of one is a table, and what is real runs on the CPU.
"""

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from sklearn.linear_model import LogisticRegression

from tests.server.example_store import Data, sample, to_onnx
from tests.server.running import RunningServer
from transit_server.formats import device
from transit_server.formats.device import ON_CPU, Device, Driver
from transit_server.formats.graphs import gpu

NO_DRIVER, NO_GPU, ONE = Driver(why="there is none"), Driver(why="it finds none"), Driver(1)
BUILT = ["TensorrtExecutionProvider", gpu.CUDA, gpu.CPU]


@pytest.mark.parametrize(
    ("built", "uses", "driver", "kind", "note"),
    [
        (False, False, NO_DRIVER, "cpu", ""),
        (False, False, ONE, "cpu", ""),
        (True, False, NO_DRIVER, "cpu", "this image is built for GPUs, and there is none"),
        (True, False, NO_GPU, "cpu", "this image is built for GPUs, and it finds none"),
        (True, False, ONE, "cpu", "this image is built for GPUs, and X can't use the GPU"),
        (True, True, ONE, "gpu", ""),
    ],
)
def test_what_is_said_of_a_library(
    built: bool, uses: bool, driver: Driver, kind: str, note: str
) -> None:
    said = device.said("X", built=built, uses=uses, driver=driver)
    assert said.kind == kind
    assert said.note.startswith(note)
    assert bool(said.note) == bool(note)


@pytest.mark.parametrize(
    ("available", "driver", "exact", "chosen"),
    [
        ([gpu.CPU], ONE, True, [gpu.CPU]),
        (BUILT, NO_DRIVER, True, [gpu.CPU]),
        (BUILT, NO_GPU, False, [gpu.CPU]),
        (BUILT, ONE, True, [(gpu.CUDA, {"use_tf32": "0"}), gpu.CPU]),
        (BUILT, ONE, False, [(gpu.CUDA, {"use_tf32": "1"}), gpu.CPU]),
    ],
)
def test_providers(
    available: list[str], driver: Driver, exact: bool, chosen: gpu.Providers
) -> None:
    assert gpu.chosen(available, driver, exact=exact) == chosen


@pytest.mark.parametrize(
    ("operators", "said"),
    [
        ({gpu.CUDA: 7}, Device("gpu")),
        ({gpu.CUDA: 7, gpu.CPU: 2}, Device("gpu", "on the CPU: 2 of its 9 operators")),
        (
            {gpu.CPU: 3},
            Device("cpu", "ONNX Runtime has no GPU's code for its operators, such as trees"),
        ),
    ],
)
def test_a_session_with_cuda_runs_where_its_operators_do(
    operators: dict[str, int], said: Device
) -> None:
    assert gpu.placed(operators) == said


@pytest.fixture(scope="module")
def session() -> Any:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(gpu.RECORDED, "1")
    training = sample(200)
    model = to_onnx(LogisticRegression().fit(training.rows, training.classes))
    return onnxruntime.InferenceSession(model, options, providers=gpu.providers())


def test_onnx_runtime_tells_where_operators_are(session: Any) -> None:
    operators = gpu.operators(session)
    assert set(operators) == {gpu.CPU}
    assert operators[gpu.CPU] > 0
    assert gpu.device_of(session) == ON_CPU


def test_a_relaxed_session_answers(session: Any) -> None:
    """It is the same model; nothing is relaxed on a CPU."""
    rows = {session.get_inputs()[0].name: sample(5).rows}
    before = session.run(None, rows)
    assert gpu.relaxing(session, ON_CPU) is None
    relax = gpu.relaxing(session, Device("gpu"))
    assert relax is not None
    relax()
    for left, right in zip(before, session.run(None, rows), strict=True):
        assert list(left) == list(right) if left.ndim == 1 else left == pytest.approx(right)


def test_tensorflow_compares_without_tensor_float_32() -> None:
    import tensorflow

    from transit_server.formats.libraries import keras

    assert not tensorflow.config.experimental.tensor_float_32_execution_enabled()
    assert keras.device_here() == ON_CPU


class PretendedGpu(RunningServer):
    """Takes the CPU for a GPU."""

    command = (
        "-c",
        "from transit_server import main; from transit_server.formats.graphs import gpu; "
        "from transit_server.formats.device import Device; "
        "gpu.device_of = lambda session: Device('gpu'); main.main()",
    )


def test_tensor_float_32_waits_until_all_models_are_proven(
    store: Path, tmp_path: Path, trees: RunningServer, data: Data
) -> None:
    models = {"random_forest": "1.0.0", "xgboost": "1.0.0"}
    with PretendedGpu(store, tmp_path, models, tensor_float_32="true") as server:
        server.until_ready()
        lines = [line for line in server.log.read_text().splitlines() if '"model ' in line]
        assert ["is ready" in line for line in lines] == [True, True, False, False]
        assert ["TensorFloat-32 from now on" in line for line in lines[2:]] == [True, True]
        info = server.client.get("/api/v1/models/xgboost/info").json()
        assert (info["device"], info["device_note"]) == ("gpu", "")
        for name in models:
            body = {"features": data.rows[:3].astype(float).tolist(), "model": name}
            said, known = (
                one.client.post("/api/v1/predict/batch", json=body).json()["predictions"]
                for one in (server, trees)
            )
            for one, other in zip(said, known, strict=True):
                assert one["probabilities"] == other["probabilities"]


def test_info_and_log_say_the_device(trees: RunningServer) -> None:
    for name in ("random_forest", "xgboost"):
        info = trees.client.get(f"/api/v1/models/{name}/info").json()
        assert (info["device"], info["device_note"]) == ("cpu", "")
    assert "onnxruntime on the CPU" in trees.log.read_text()
