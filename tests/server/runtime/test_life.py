"""Starting, failing to start, draining, ending."""

import json
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
import joblib
import pytest

from tests.server import bad_models
from tests.server.conftest import Truth
from tests.server.example_store import Data, publish
from tests.server.running import RunningServer, eventually
from transit_models.cli import main
from transit_models.integrity import CHECKSUMS, sha256_of

ROW = [1.0] * 784


def test_alive_at_once_ready_later(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"random_forest": "1.0.0"}) as server:
        server.until_alive()
        assert server.status("/health/ready") == 503
        response = server.predict(ROW)
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "not_ready"
        assert response.headers["retry-after"]
        assert server.client.get("/v2/health/ready").status_code == 503
        labels = {"model": "random_forest", "version": "1.0.0"}
        assert server.metric("model_ready", **labels) == 0
        assert server.metric("predictions_total", **labels, status="error") == 0
        server.until_ready()
        assert server.metric("model_ready", **labels) == 1
        assert server.predict(ROW).status_code == 200


def test_a_store_that_is_away_is_waited_for_and_counted(store: Path, tmp_path: Path) -> None:
    late = tmp_path / "late"
    labels = {"model": "xgboost", "version": "1.0.0"}
    with RunningServer(late, tmp_path, {"xgboost": "1.0.0"}) as server:
        server.until_alive()
        eventually(
            lambda: server.metric_if_any("model_store_failures_total", **labels),
            "a failure that counts",
        )
        assert server.status("/health/ready") == 503
        shutil.copytree(store, tmp_path / "part")
        (tmp_path / "part").rename(late)
        server.until_ready()
        told = server.metric("model_store_failures_total", **labels)
        assert server.predict(ROW).status_code == 200
        assert server.metric("model_store_failures_total", **labels) == told


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("broken", "1.0.0", "RuntimeError: needs a library that is not here"),
        ("killer", "1.0.0", "died while it loaded model killer 1.0.0"),
        ("bad_pickle", "1.0.0", "RuntimeError: needs a library that is not here"),
        ("fatal_pickle", "1.0.0", "loading it ended the process that tried: exit code 9"),
        ("random_forest", "9.9.9", "no version 9.9.9"),
        ("resnet", "1.0.0", "no model 'resnet'"),
    ],
)
def test_a_model_that_cannot_be_served(
    store: Path, tmp_path: Path, name: str, version: str, words: str
) -> None:
    with RunningServer(store, tmp_path, {name: version}) as server:
        code = server.process.wait(60)
        assert code not in (0, None)
        lines = server.termination_log.read_text().splitlines()
        assert len(lines) == 1
        assert words in lines[0]
        assert f"{name} {version}" in lines[0]
        if name != "killer":
            assert lines[0] in server.log.read_text().splitlines()


def test_wrong_settings(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}, drain_delay="soon") as server:
        assert server.process.wait(60) == 2
        assert "TRANSIT_DRAIN_DELAY" in server.termination_log.read_text()


@pytest.mark.parametrize("file", ["preprocessing.pkl", "model.pkl"])
def test_a_tampered_file_is_refused_before_it_is_loaded(
    tmp_path: Path, trained: Truth, file: str
) -> None:
    trace = tmp_path / "trace"
    step = bad_models.LeavesATrace(trace)
    directory = publish(
        tmp_path / "store",
        "tampered",
        "1.0.0",
        ".pkl",
        lambda path: joblib.dump(trained.forest_model, path),
        step,
    )
    assert not trace.exists()
    with (directory / file).open("ab") as stream:
        stream.write(b"x")
    with RunningServer(tmp_path / "store", tmp_path / "work", {"tampered": "1.0.0"}) as server:
        assert server.process.wait(60) == 1
        assert "IntegrityError" in server.termination_log.read_text()
        assert file in server.termination_log.read_text()
    assert not trace.exists()


def test_serves_the_content_that_is_asked_for_or_nothing(
    tmp_path: Path, trained: Truth, store: Path
) -> None:
    made = store / "random_forest" / "v1.0.0"
    digest = sha256_of(made / CHECKSUMS)
    models = json.dumps([{"name": "random_forest", "version": "1.0.0", "digest": digest}])
    with RunningServer(store, tmp_path / "one", {}, TRANSIT_MODELS=models) as server:
        server.until_ready()
        info = server.client.get("/api/v1/models/random_forest/info").json()
        assert info["digest"] == digest
        labels = {"model": "random_forest", "version": "1.0.0", "digest": digest}
        assert server.metric("model_info", **labels) == 1
    trace, root = tmp_path / "trace", tmp_path / "store"
    replaced = publish(
        *(root, "random_forest", "1.0.0", ".pkl"),
        lambda path: joblib.dump(trained.forest_model, path),
        bad_models.LeavesATrace(trace),
    )
    with RunningServer(root, tmp_path / "two", {}, TRANSIT_MODELS=models) as server:
        assert server.process.wait(60) == 1
        (line,) = server.termination_log.read_text().splitlines()
    assert "random_forest 1.0.0 can't be served: ContentChanged: " in line
    assert digest in line
    assert sha256_of(replaced / CHECKSUMS) in line
    assert not trace.exists(), "it was unpickled"


def test_what_nobody_has_signed_is_not_opened(tmp_path: Path, trained: Truth) -> None:
    trace, root = tmp_path / "trace", tmp_path / "store"
    step = bad_models.LeavesATrace(trace)
    publish(
        *(root, "forest", "1.0.0", ".pkl"),
        lambda path: joblib.dump(trained.forest_model, path),
        step,
    )
    key = tmp_path / "key.pem"
    public = ["openssl", "pkey", "-pubout", "-in", str(key)]
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
    pem = subprocess.run(public, check=True, capture_output=True, text=True).stdout
    keys = {"signing_keys": json.dumps({"release": pem})}
    with RunningServer(root, tmp_path / "one", {"forest": "1.0.0"}, **keys) as server:
        assert server.process.wait(60) == 1
        assert "SignatureError" in server.termination_log.read_text()
        assert "is signed by nobody" in server.termination_log.read_text()
    assert not trace.exists()
    assert main(["sign", str(root), "forest@1.0.0", "--key", str(key)]) == 0
    with RunningServer(root, tmp_path / "two", {"forest": "1.0.0"}, **keys) as server:
        server.until_ready()
        info = server.client.get("/api/v1/models/forest/info").json()
        assert info["signed_by"] == "release"
    assert trace.exists()


def test_a_format_that_is_forbidden_is_not_opened(tmp_path: Path, trained: Truth) -> None:
    trace, root = tmp_path / "trace", tmp_path / "store"
    publish(
        *(root, "forest", "1.0.0", ".pkl"),
        lambda path: joblib.dump(trained.forest_model, path),
        bad_models.LeavesATrace(trace),
    )
    models = {"forest": "1.0.0"}
    with RunningServer(root, tmp_path / "work", models, formats="onnx,skops") as server:
        assert server.process.wait(60) == 1
        (line,) = server.termination_log.read_text().splitlines()
    assert line.startswith(
        "transit-server: model forest 1.0.0 can't be served: model.pkl is a pick"
    )
    assert "skops.io.dump(model, 'model.skops')" in line
    assert not trace.exists(), "it was unpickled"


def test_a_store_that_comes_up_later_is_waited_for(tmp_path: Path, trained: Truth) -> None:
    root = tmp_path / "store"
    with RunningServer(root, tmp_path / "work", {"late": "1.0.0"}) as server:
        server.until_alive()
        eventually(lambda: "again in" in server.log.read_text(), "a first try")
        publish(
            tmp_path / "made",
            "late",
            "1.0.0",
            ".pkl",
            lambda path: joblib.dump(trained.forest_model, path),
        )
        (tmp_path / "made").rename(root)
        server.until_ready()


def test_sigterm_under_load_answers_everybody(store: Path, tmp_path: Path, data: Data) -> None:
    """New requests are served through the delay; clients stop when the endpoint is gone, and none
    fails.
    """
    rows = [[float(value) for value in row] for row in data.rows[:8]]
    with RunningServer(store, tmp_path, {"raises": "1.0.0"}, drain_delay="3s") as server:
        server.until_ready()
        endpoint_is_gone = threading.Event()
        answers: list[tuple[float, int]] = []
        broken: list[str] = []

        def hammer(row: list[float]) -> None:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                while not endpoint_is_gone.is_set():
                    try:
                        answer = client.post("/api/v1/predict", json={"features": row})
                        answers.append((time.monotonic(), answer.status_code))
                    except httpx.TransportError as error:
                        broken.append(repr(error))
                        return

        threads = [threading.Thread(target=hammer, args=(row,)) for row in rows]
        for thread in threads:
            thread.start()
        eventually(lambda: len(answers) > 50, "load")
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        eventually(lambda: server.status("/health/ready") == 503, "not ready", 1.0)
        assert server.status("/health/live") == 200
        eventually(lambda: answers[-1][0] - told > 2.0 or broken, "two more seconds of load")
        endpoint_is_gone.set()
        for thread in threads:
            thread.join(30)
        assert server.process.wait(30) == 0
        assert time.monotonic() - told >= 3.0
    assert not broken
    assert {status for _, status in answers} == {200}


def test_sigterm_finishes_what_is_under_way_and_what_waits(store: Path, tmp_path: Path) -> None:
    """The model works on one row, 7 more wait, and the listener closes at once."""
    entered, held = tmp_path / "entered", tmp_path / "held"
    held.touch()
    with RunningServer(
        store,
        tmp_path,
        {"sleeps": "1.0.0"},
        batch_max_size="1",
        request_timeout="60s",
        TEST_ENTERED=str(entered),
        TEST_HELD=str(held),
    ) as server:
        server.until_ready()
        answers: list[int] = []

        def ask() -> None:
            body = {"features": [1000.0, *ROW[1:]]}
            answers.append(
                httpx.post(f"{server.url}/api/v1/predict", json=body, timeout=60).status_code
            )

        asking = [threading.Thread(target=ask) for _ in range(8)]
        for thread in asking:
            thread.start()
        eventually(entered.exists, "the model at work")
        eventually(lambda: waiting_rows(server) == 7, "a queue")
        server.process.send_signal(signal.SIGTERM)
        held.unlink()
        for thread in asking:
            thread.join(60)
        assert answers == [200] * 8
        assert server.process.wait(10) == 0


def waiting_rows(server: RunningServer) -> float:
    return server.metric("model_queue_rows", model="sleeps", version="1.0.0")


def test_a_model_that_hangs_does_not_keep_the_process(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"hangs": "1.0.0"}, request_timeout="500ms") as server:
        server.until_ready()
        response = server.predict([1000.0, *ROW[1:]])
        assert response.status_code == 504
        assert response.json()["error"]["code"] == "timed_out"
        assert server.metric("predictions_total", model="hangs", version="1.0.0",
                             status="error") == 1  # fmt: skip
        eventually(lambda: server.status("/health/ready") == 503, "unready: the model is stuck")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0


def test_a_model_that_kills_the_process_is_seen(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"dies": "1.0.0"}) as server:
        server.until_ready()
        assert server.predict(ROW).status_code == 200
        with pytest.raises(httpx.TransportError):
            server.predict([1000.0, *ROW[1:]])
        assert server.process.wait(10) == 7
