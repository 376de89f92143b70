"""The prediction log of real servers: into a directory, and into a MinIO that goes away."""

import json
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from tests import minio
from tests.minio import mount
from tests.server.example_store import LABELS, Data
from tests.server.logged import rows_of, written
from tests.server.running import RunningServer, eventually
from transit_models.errors import InvalidReference
from transit_models.schema import Input, Inputs
from transit_models.storage.objects.making import create_bucket
from transit_models.storage.opening import open_objects, open_storage
from transit_server.observability.prediction_log_series import PredictionLogSeries
from transit_server.prediction_log.columns import features_of
from transit_server.prediction_log.log import PredictionLog
from transit_server.settings import PredictionLogSettings, Settings, SettingsError

MARK = 1000.0
SALT = b"a salt that nobody else has"
TABLE = Inputs((Input("age", "float64", missing=True), Input("city", "string")))
ROWS = np.array([(41.0, "Oslo"), (np.nan, "Bergen")], dtype=TABLE.row_dtype)


def said(where: str | Path, **settings: Any) -> str:
    return json.dumps({"uri": str(where), **settings})


def test_each_row_that_was_answered_is_a_line_and_labels_find_it(
    store: Path, data: Data, tmp_path: Path, feedback_key_file: str
) -> None:
    """Nothing is due for an hour: the lines are what SIGTERM had written."""
    sink = tmp_path / "log"
    settings = {
        "prediction_log": said(sink, every="1h"),
        "feedback_key_file": feedback_key_file,
        "default_model": "ensemble",
    }
    models = {"random_forest": "1.0.0", "xgboost": "1.0.0"}
    with RunningServer(store, tmp_path, models, **settings) as server:
        server.until_ready()
        rows = rows_of(data, 3)
        one = server.client.post(
            "/api/v1/models/xgboost/predict",
            json={"features": rows[0]},
            headers={"X-Request-ID": "mine"},
        ).json()
        both = server.predict(rows[1]).json()
        token = both["prediction"]["feedback_token"]
        server.client.post("/api/v1/predict/batch", json={"features": rows, "model": "xgboost"})
        infer = {
            "inputs": [{"name": "x", "shape": [1, 784], "datatype": "FP32", "data": rows[2]}],
        }
        server.client.post("/v2/models/random_forest/infer", json=infer)
        assert server.predict([1.0]).status_code == 422
        told = {"feedback_token": token, "label": LABELS[0]}
        answer = server.client.post("/api/v1/feedback", json=told).json()
        assert server.client.post("/api/v1/feedback", json=told).json()["counted"] is False
        digest = server.client.get("/api/v1/models/xgboost/info").json()["digest"]
        assert not list(sink.glob("**/*.gz"))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0

    files = list(sink.glob("predictions/day=*/ml/kepler/*.jsonl.gz"))
    assert len(files) in (1, 2), "two only at midnight"
    lines = written(sink.as_uri())
    assert Counter(line["model_name"] for line in lines) == {"xgboost": 5, "random_forest": 2}
    assert {line["outcome"] for line in lines} == {"success"}
    assert not any("input_features" in line for line in lines)

    first = lines[0]
    expected = {k: v for k, v in one["prediction"].items() if k != "feedback_token"}
    assert first["prediction"] == expected
    assert (first["request_id"], first["row_index"], first["version"]) == ("mine", 0, "1.0.0")
    assert (first["namespace"], first["name"], first["revision"]) == ("ml", "kepler", "7f9c4d2b1a")
    assert first["digest"] == digest
    assert first["latency_ms"] == pytest.approx(one["model"]["latency_ms"])
    batch = Counter(line["prediction_id"] for line in lines).most_common(1)[0][0]
    assert [line["row_index"] for line in lines if line["prediction_id"] == batch] == [0, 1, 2]

    (label,) = written(sink.as_uri(), "feedback")
    assert label["label"] == LABELS[0]
    assert label["predicted"] == both["prediction"]["class"]
    assert label["correct"] is (answer["outcome"] == "correct")
    met = [line for line in lines if line["prediction_id"] == label["prediction_id"]]
    assert {line["model_name"] for line in met} == {"xgboost", "random_forest"}
    assert {line["request_id"] for line in met} == {both["metadata"]["request_id"]}


def test_errors_are_written_whatever_the_share_and_features_as_they_came(
    store: Path, data: Data, tmp_path: Path
) -> None:
    """Also where preprocessing writes into the rows."""
    sink = tmp_path / "log"
    chosen = said(sink, share=0, every="50ms", columns={"features": "Keep"})
    good, bad = rows_of(data, 2)
    bad[0] = MARK
    models = {"raises": "1.0.0", "shifts": "1.0.0"}
    with RunningServer(store, tmp_path, models, prediction_log=chosen) as server:
        server.until_ready()
        assert server.predict(good).status_code == 200
        assert server.predict(bad).status_code == 500
        batch = server.client.post("/api/v1/predict/batch", json={"features": [good, bad]})
        assert batch.status_code == 207
        lines = eventually(lambda: (found := written(sink.as_uri()))[1:] and found, "two lines")
        assert server.metric("prediction_log_written_total") == 2
        assert server.metric("prediction_log_dropped_total") == 0
        assert server.metric("prediction_log_pending_bytes") == 0
    assert [line["row_index"] for line in lines] == [0, 1]
    for line in lines:
        assert line["outcome"] == "error"
        assert line["prediction"] == {"error": "preprocessing failed on this row (ValueError)"}
        assert line["input_features"] == {"features": np.array(bad, np.float32).tolist()}

    sink = tmp_path / "all"
    chosen = said(sink, every="50ms", features="Keep")
    with RunningServer(store, tmp_path, models, prediction_log=chosen) as server:
        server.until_ready()
        for many in (1, 24):  # the latter become lines in the thread
            body = {"features": [good] * many, "model": "shifts"}
            assert server.client.post("/api/v1/predict/batch", json=body).status_code == 200
        lines = eventually(lambda: (found := written(sink.as_uri()))[24:] and found, "all lines")
    assert len(lines) == 25
    assert all(
        line["input_features"]["features"] == np.array(good, np.float32).tolist() for line in lines
    )


def test_without_it_nothing_is_there(trees: RunningServer) -> None:
    assert "prediction_log" not in trees.probes.get("/metrics").text


def test_a_store_that_dies_costs_nothing_that_fits(
    store: Path, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed and restarted under way, with a Secret that was wrong at first; no request sees it."""
    secret = tmp_path / "secret"
    row = rows_of(data, 1)[0]
    answered = 0
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with minio.locked(tmp_path / "minio") as locked:
        mount(tmp_path / "right", locked.entries)
        monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(tmp_path / "right"))
        create_bucket(open_storage("s3://predictions"))
        mount(secret, {**locked.entries, "AWS_SECRET_ACCESS_KEY": "of-yesterday"})
        settings = said("s3://predictions/log", secret=str(secret), every="50ms")
        models = {"raises": "1.0.0"}
        with RunningServer(store, tmp_path, models, prediction_log=settings) as server:
            server.until_ready()

            def ask(times: int) -> None:
                nonlocal answered
                for _ in range(times):
                    assert server.predict(row).status_code == 200
                    answered += 1

            def has_failed() -> bool:
                return server.metric("prediction_log_failures_total") > 0

            def all_there() -> bool:
                return server.metric("prediction_log_written_total") == answered

            ask(5)
            eventually(has_failed, "a refusal")
            assert "config.predictionLog.secretName" in server.log.read_text()
            mount(secret, locked.entries)
            eventually(all_there, "all lines, with the right Secret")
            locked.kill()
            ask(20)
            locked.start()
            ask(5)
            eventually(all_there, "all lines, with the store again")
            assert server.metric("prediction_log_dropped_total") == 0
            lines = written("s3://predictions/log", secret=tmp_path / "right")
            assert len({line["prediction_id"] for line in lines}) == len(lines) == answered


def test_what_does_not_fit_is_dropped_and_counted_and_lost_at_the_end(
    store: Path, data: Data, tmp_path: Path
) -> None:
    nowhere = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    mount(tmp_path / "secret", {**nowhere, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    away = said("s3://log", secret=str(tmp_path / "secret"), buffer="4Ki", every="50ms")
    with RunningServer(store, tmp_path, {"raises": "1.0.0"}, prediction_log=away) as server:
        server.until_ready()
        row = rows_of(data, 1)[0]
        assert {server.predict(row).status_code for _ in range(40)} == {200}
        dropped = server.metric("prediction_log_dropped_total")
        assert 0 < dropped < 40
        assert 0 < server.metric("prediction_log_pending_bytes") <= 4096
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        text = (
            f"prediction log: lines that could not be written before the end: {40 - int(dropped)}"
        )
        assert text in server.log.read_text()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [{}, {}]),
        ({"features": "Keep"}, [{"age": 41.0, "city": "Oslo"}, {"age": None, "city": "Bergen"}]),
        ({"columns": {"city": "Keep"}}, [{"city": "Oslo"}, {"city": "Bergen"}]),
        ({"features": "Keep", "columns": {"city": "Omit"}}, [{"age": 41.0}, {"age": None}]),
        ({"features": "Keep", "columns": {"citty": "Omit"}}, [{}, {}]),
        ({"columns": {"citty": "Keep", "age": "Keep"}}, [{"age": 41.0}, {"age": None}]),
    ],
)
def test_of_features_there_is_what_was_chosen(
    settings: Mapping[str, Any], expected: list[dict[str, Any]]
) -> None:
    chosen = PredictionLogSettings(uri="/log", **settings)
    features = features_of("m", TABLE, chosen, SALT)
    found = list(features.of(ROWS)) if features else [{}, {}]
    assert msgspec.json.decode(msgspec.json.encode(found)) == expected


def test_hashes_are_of_one_salt_and_one_column() -> None:
    two = Inputs((Input("home", "string"), Input("work", "string")))
    rows = np.array([("Oslo", "Oslo"), ("Bergen", "Oslo")], dtype=two.row_dtype)
    chosen = PredictionLogSettings(uri="/log", features="Hash")
    first, second = features_of("m", two, chosen, SALT).of(rows)
    assert first["work"] == second["work"]
    assert len({first["home"], second["home"], first["work"], "Oslo"}) == 4
    (other, _) = features_of("m", two, chosen, b"another salt that is long").of(rows)
    assert other != first
    assert not features_of("m", two, chosen, None), "without a salt there is nothing"


def test_a_share_is_of_requests(tmp_path: Path) -> None:
    series = PredictionLogSeries(CollectorRegistry(), "ml/kepler", "a")
    settings = PredictionLogSettings(uri=str(tmp_path), share=0.25, every=3600)
    log = PredictionLog(settings, "ml/kepler", "a", series)
    random = np.random.default_rng(5)
    chosen = sum(log.is_chosen(random.bytes(8)) for _ in range(10_000))
    log.close(60)
    assert 2_300 < chosen < 2_700


@pytest.mark.parametrize("uri", ["https://host/log", "pvc://claim/log", "s3://"])
def test_an_address_that_nothing_can_be_written_to_ends_the_start(uri: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidReference, match="can't be written to"):
        open_objects(uri)


@pytest.mark.parametrize(
    "text", ["{", '{"share": 0.1}', said("/log", share=2), said("/log", feature="Keep")]
)
def test_what_is_said_wrongly_is_refused(text: str) -> None:
    environment = {
        "TRANSIT_MODELS": '[{"name": "a", "version": "1.0.0"}]',
        "TRANSIT_STORAGE_URI": "file:///models",
        "TRANSIT_PREDICTION_LOG": text,
    }
    with pytest.raises(SettingsError, match="TRANSIT_PREDICTION_LOG"):
        Settings.from_environment(environment)
