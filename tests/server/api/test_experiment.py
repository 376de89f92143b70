"""A/B experiments: the split is stable and as large as it should be; each arm is counted by its
version.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.example_store import Data
from tests.server.running import RunningServer
from transit_server.api.experiment import Splitter
from transit_server.serving.registry import Registry
from transit_server.settings import Experiment, ModelRef

EXPERIMENT = '{"model": "xgboost", "version": "v1.1.0", "share": 0.4, "header": "X-User-ID"}'


def splitter(share: float, version: str = "1.1.0") -> Splitter:
    experiment = Experiment(model="m", version=version, share=share)
    return Splitter(experiment, Registry((ModelRef(name="m", version="1.0.0"),), "m"))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_the_share_is_right(share: float) -> None:
    """Of 100,000, within four standard deviations of a coin's."""
    count = sum(splitter(share).second(f"user-{number}") for number in range(100_000))
    assert count == pytest.approx(share * 100_000, abs=4 * (share * (1 - share) * 100_000) ** 0.5)


def test_a_larger_share_keeps_those_it_had() -> None:
    small = {n for n in range(5000) if splitter(0.1).second(f"u{n}")}
    large = {n for n in range(5000) if splitter(0.3).second(f"u{n}")}
    assert small < large


def test_another_experiment_mixes_anew() -> None:
    first = {n for n in range(5000) if splitter(0.5).second(f"u{n}")}
    other = {n for n in range(5000) if splitter(0.5, "1.2.0").second(f"u{n}")}
    assert 0.4 < len(first & other) / len(first) < 0.6


def test_the_split_never_changes() -> None:
    """Pods of different builds must agree, so the very hash is part of the contract."""
    chosen = [splitter(0.5).second(f"user-{number}") for number in range(8)]
    assert chosen == [False, True, True, False, True, True, True, False]


@pytest.fixture(scope="module")
def split(
    store: Path, tmp_path_factory: pytest.TempPathFactory, feedback_key_file: str
) -> Iterator[RunningServer]:
    models = {"xgboost": "1.0.0", "random_forest": "1.0.0"}
    with RunningServer(
        store,
        tmp_path_factory.mktemp("split"),
        models,
        experiment=EXPERIMENT,
        feedback_key_file=feedback_key_file,
    ) as server:
        yield server.until_ready()


def ask(server: RunningServer, data: Data, user: str | None, path: str = "/api/v1/predict") -> Any:
    body = {"features": [float(value) for value in data.rows[0]]}
    headers = {} if user is None else {"X-User-ID": user}
    return server.client.post(path, json=body, headers=headers).json()


def test_users_stay_in_their_arm(split: RunningServer, data: Data) -> None:
    before = split.metrics()
    arms = {}
    for number in range(40):
        versions = {
            ask(split, data, f"user-{number}")["model"]["version"],
            ask(split, data, f"user-{number}", "/api/v1/models/xgboost/predict")["model"][
                "version"
            ],
        }
        assert len(versions) == 1
        arms[number] = versions.pop()
    sizes = Counter(arms.values())
    assert set(sizes) == {"1.0.0", "1.1.0"}
    after = split.metrics()
    for version, size in sizes.items():
        labels = {"model": "xgboost", "version": version}
        counted = ("predictions_total", frozenset({**labels, "status": "success"}.items()))
        timed = ("prediction_latency_seconds_count", frozenset(labels.items()))
        assert after[counted] - before[counted] == 2 * size
        assert after[timed] - before[timed] == 2 * size


def test_without_the_header_each_request_is_on_its_own(split: RunningServer, data: Data) -> None:
    versions = {ask(split, data, None)["model"]["version"] for _ in range(40)}
    assert versions == {"1.0.0", "1.1.0"}


def test_accuracy_per_arm(split: RunningServer, data: Data) -> None:
    answers = [ask(split, data, f"user-{number}") for number in range(20)]
    for answer in answers:
        told = {"feedback_token": answer["prediction"]["feedback_token"], "label": "CONFIRMED"}
        split.client.post("/api/v1/feedback", json=told)
    split.metrics()
    counted: Counter[str] = Counter()
    for (name, labels), value in split.metrics().items():
        if name == "prediction_feedback_total":
            counted[dict(labels)["version"]] += int(value)
    assert counted == Counter(answer["model"]["version"] for answer in answers)


def test_v2(split: RunningServer) -> None:
    tensor = {"name": "features", "shape": [1, 784], "datatype": "FP32", "data": [1.0] * 784}

    def version(path: str, user: str) -> str:
        response = split.client.post(
            f"/v2/models/xgboost{path}/infer",
            json={"inputs": [tensor]},
            headers={"X-User-ID": user},
        )
        return str(response.json()["model_version"])

    arms = {f"user-{number}": version("", f"user-{number}") for number in range(20)}
    assert set(arms.values()) == {"1.0.0", "1.1.0"}
    for user in arms:
        assert version("/versions/1.0.0", user) == "1.0.0"
        assert version("/versions/1.1.0", user) == "1.1.0"
    assert split.client.get("/v2/models/xgboost/versions/1.1.0/ready").status_code == 200
    assert split.client.get("/v2/models/xgboost").json()["versions"] == ["1.0.0", "1.1.0"]


def test_others_are_not_touched(split: RunningServer, data: Data) -> None:
    for path in ("/api/v1/models/random_forest/predict",):
        assert {ask(split, data, f"u{n}", path)["model"]["version"] for n in range(20)} == {"1.0.0"}
    body = {"features": [float(value) for value in data.rows[0]], "return_all_models": True}
    for number in range(10):
        answer = split.client.post(
            "/api/v1/predict", json=body, headers={"X-User-ID": f"user-{number}"}
        ).json()
        assert answer["individual_predictions"]["xgboost"]["version"] == "1.0.0"


def test_it_is_shown(split: RunningServer) -> None:
    said = split.client.get("/api/v1/models").json()
    assert said["experiment"] == {
        "model": "xgboost",
        "version": "v1.1.0",
        "share": 0.4,
        "header": "X-User-ID",
    }
    assert [(m["name"], m["version"]) for m in said["models"]] == [
        ("xgboost", "1.0.0"),
        ("random_forest", "1.0.0"),
        ("xgboost", "1.1.0"),
    ]


@pytest.mark.parametrize(
    ("experiment", "code", "words"),
    [
        ('{"model": "xgboost", "version": "1.0.0", "share": 0.5}', 1, "both are this one"),
        ('{"model": "xgboost", "version": "9.9.9", "share": 0.5}', 1, "no version 9.9.9"),
        ('{"model": "resnet", "version": "1.0.0", "share": 0.5}', 2, "'resnet' is not one of"),
        ('{"model": "xgboost", "version": "1.1.0", "share": 2}', 2, "TRANSIT_EXPERIMENT[share]"),
        ('{"model": "xgboost"', 2, "TRANSIT_EXPERIMENT: not JSON"),
    ],
)
def test_wrong_ones(store: Path, tmp_path: Path, experiment: str, code: int, words: str) -> None:
    with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}, experiment=experiment) as server:
        assert server.process.wait(60) == code
        assert words in server.termination_log.read_text()
